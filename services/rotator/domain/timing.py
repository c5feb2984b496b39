"""When a rotation begins: at the due time, moved to where windows and freezes permit it.

If nothing is permitted between the due time and the credential's end, it is brought forward to the
last window before. If there is none either it comes late, and says so: a rotation that nobody
would have made in time is never missed in silence.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from services.rotator.domain.freeze import holding
from services.rotator.domain.instants import in_words, written
from services.rotator.domain.window import SHORTEST, Times


class Timeliness(StrEnum):
    """How a rotation's beginning stands to the credential's end."""

    IN_TIME = "in_time"
    BROUGHT_FORWARD = "brought_forward"
    OVERLAP_CUT = "overlap_cut"
    LATE = "late"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """When a rotation begins; `warning` is a sentence for people unless it is in time."""

    at: datetime
    timeliness: Timeliness
    warning: str | None = None


def timing_of(
    times: Times, *, due: datetime, ends_at: datetime, overlap: timedelta, now: datetime
) -> Timing:
    """Return when a credential is replaced that is due at `due` and ends at `ends_at`."""
    at = times.next_permitted(max(due, now))
    if at >= ends_at > now:
        forward = _brought_forward(times, due, ends_at, now)
        if forward is not None:
            return Timing(
                at=forward,
                timeliness=Timeliness.BROUGHT_FORWARD,
                warning=f"Nothing is permitted between {written(due)}, when it is due, and its end,"
                f" so it is rotated early, on {written(forward)}.",
            )
    if at >= ends_at:
        return Timing(at=at, timeliness=Timeliness.LATE, warning=_late(times, at, ends_at, now))
    if ends_at - at < overlap:
        return Timing(
            at=at,
            timeliness=Timeliness.OVERLAP_CUT,
            warning=f"Rotated on {written(at)} it ends on {written(ends_at)}, before the overlap of"
            f" {in_words(overlap)} has passed: whoever still uses it fails from then on.",
        )
    return Timing(at=at, timeliness=Timeliness.IN_TIME)


def _brought_forward(
    times: Times, due: datetime, ends_at: datetime, now: datetime
) -> datetime | None:
    """Return when the last window before the end opens, if one does between `now` and `due`.

    The next permitted instant never comes earlier for a later question, so halving finds it.
    """

    def fits(steps: int) -> bool:
        return times.next_permitted(now + steps * SHORTEST) < ends_at

    if not fits(0):
        return None
    good, bad = 0, (due - now) // SHORTEST + 1
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if fits(middle) else (good, middle)
    last = times.next_permitted(now + good * SHORTEST)
    return times.next_permitted(max(now, times.opened(last)))


def _late(times: Times, at: datetime, ends_at: datetime, now: datetime) -> str:
    if ends_at <= now:
        return (
            f"It ended on {written(ends_at)}: whoever uses it fails already. Rotate it now by hand,"
            f" or wait until {written(at)}."
        )
    freeze = holding(max(now, ends_at - SHORTEST), times.freezes)
    cause = f" (frozen: {freeze.reason})" if freeze else ""
    return (
        f"No rotation is permitted before its end on {written(ends_at)}{cause}; the first is on"
        f" {written(at)}. Open a window before, end the freeze, or rotate it now by hand."
    )
