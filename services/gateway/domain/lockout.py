"""How many wrong passwords are too many.

Failures are counted for an account and the network they come from, so that a stranger cannot lock
somebody out from elsewhere; a higher ceiling over all networks stops a distributed attack. Each
attempt is counted before its password is looked at, so that a hundred attempts at once are not a
hundred free guesses.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

FAILURES_PER_NETWORK: Final = 5
FAILURES_PER_ACCOUNT: Final = 50
LOCKED_FOR: Final = timedelta(minutes=15)
FORGET_AFTER: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of an account (on one network, or over all)."""

    failures: int = 0
    last_failure_at: datetime | None = None
    locked_until: datetime | None = None


def is_locked(standing: Standing, now: datetime) -> bool:
    """Return whether no password is looked at now."""
    return standing.locked_until is not None and now < standing.locked_until


def count_attempt(standing: Standing, now: datetime, ceiling: int) -> Standing:
    """Return the standing after one more attempt that may fail.

    The attempt that reaches the ceiling is still looked at; those after it are not. A standing
    without failures for a while begins anew, and so does one whose lock has ended.
    """
    if is_locked(standing, now):
        return standing
    recent = (
        standing.locked_until is None
        and standing.last_failure_at is not None
        and now - standing.last_failure_at < FORGET_AFTER
    )
    failures = standing.failures + 1 if recent else 1
    return Standing(failures, now, now + LOCKED_FOR if failures >= ceiling else None)


def take_back(standing: Standing, ceiling: int) -> Standing:
    """Return the standing after an attempt that was counted turned out to be right."""
    failures = max(standing.failures - 1, 0)
    locked_until = standing.locked_until if failures >= ceiling else None
    return Standing(failures, standing.last_failure_at, locked_until)
