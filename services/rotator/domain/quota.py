"""How many rotations by hand are left this month, where the licence counts them.

A month is a calendar month in UTC, and a run belongs to the month in which it was asked for. Failed
runs do not count. Runs under way do, or else any number could be started at once.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from services.rotator.domain.instants import written

A_MONTH: Final = 3


class Outcome(StrEnum):
    """How a rotation by hand stands."""

    UNDER_WAY = "under_way"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A rotation that somebody asked for by hand."""

    asked_at: datetime
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """How many more may be asked for now (None: any number), and when they are counted anew."""

    left: int | None
    counted_anew_at: datetime

    @property
    def refusal(self) -> str | None:
        """Return why no rotation by hand is begun, as a sentence, or None."""
        if self.left is None or self.left > 0:
            return None
        return (
            f"The {A_MONTH} rotations by hand of this month are used; the next are possible from"
            f" {written(self.counted_anew_at)}, or at once with a licence for rotation."
        )


def quota_of(
    runs: Iterable[Run], now: datetime, *, unlimited: bool, allowed: int = A_MONTH
) -> Quota:
    """Return what is left of this month's rotations by hand."""
    begins, ends = month_of(now)
    if unlimited:
        return Quota(left=None, counted_anew_at=ends)
    used = sum(begins <= run.asked_at < ends and run.outcome is not Outcome.FAILED for run in runs)
    return Quota(left=max(0, allowed - used), counted_anew_at=ends)


def month_of(moment: datetime) -> tuple[datetime, datetime]:
    """Return when the calendar month of an instant begins, and when the next one does."""
    utc = moment.astimezone(UTC)
    begins = utc.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    years, month = divmod(begins.month, 12)
    return begins, begins.replace(year=begins.year + years, month=month + 1)
