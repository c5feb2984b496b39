"""Values that Hypothesis draws, for promises that must be tried within an event loop.

They are the same on every run. Nothing is shrunk: whoever asserts shows the value itself.
"""

import os
from typing import TypeVar

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

T = TypeVar("T")
MOST = int(os.environ.get("FUZZ_EXAMPLES", "3")) * 20


def drawn(strategy: st.SearchStrategy[T], most: int = MOST) -> list[T]:
    """Return what a strategy gives."""
    found: list[T] = []

    @settings(
        max_examples=most,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(value: T) -> None:
        found.append(value)

    collect()
    return found
