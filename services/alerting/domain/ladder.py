"""The ladder: the steps before a credential's end at which people are told, and how urgently."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from shared.events.alerting import Severity

LADDER: Final = (60, 30, 14, 7, 3, 1, 0)
"""Days before the end; 0 is the end itself."""

_SEVERITIES: Final = (
    (7, Severity.CRITICAL),
    (14, Severity.HIGH),
    (30, Severity.MEDIUM),
)


def severity_of(step: int) -> Severity:
    """Return how urgent a step is; `critical` begins where an item's status does, at 7 days."""
    return next((severity for days, severity in _SEVERITIES if step <= days), Severity.LOW)


def step_at(expires_on: datetime, now: datetime, steps: Sequence[int] = LADDER) -> int | None:
    """Return the closest step that is reached at `now`, or None while the end is far away."""
    left = expires_on - now
    return min((step for step in steps if left <= timedelta(days=step)), default=None)
