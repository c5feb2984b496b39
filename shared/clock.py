"""The time, as something that is passed in.

Decisions take a `Clock` so that a test can set it; only `utc_now` reads the machine's.
"""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the current instant, aware and in UTC."""
    return datetime.now(UTC)  # noqa: TID251 - the one place where the clock is read
