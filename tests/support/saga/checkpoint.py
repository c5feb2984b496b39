"""Where a simulated process can be stopped: before and after each effect and each commit."""

from collections.abc import Callable, Generator
from types import coroutine
from typing import TypeVar

T = TypeVar("T")


class LostError(Exception):
    """The ledger did not answer; what was to be written may be written or not."""


@coroutine
def checkpoint(label: str) -> Generator[str, None, None]:
    """Hand control to the harness, which may never give it back."""
    yield label


async def around(label: str, act: Callable[[], T]) -> T:
    """Do something between two checkpoints; nothing can come between the two."""
    await checkpoint(f"before {label}")
    result = act()
    await checkpoint(f"after {label}")
    return result
