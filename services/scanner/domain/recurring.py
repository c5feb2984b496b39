"""When a schedule's scan is due: each time at most once, missed times as one, no storm.

The time that comes next is kept, not counted from the last scan. So a service that was away finds
it in the past and makes one scan for all that was missed; and a clock that was ahead leaves a time
too far in the future, which is seen because an earlier one comes before it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from uuid import UUID, uuid5

from shared.cron import Recurrence


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What to do about a schedule now: the time that is due (None: none is), and the next one."""

    due: datetime | None
    next_at: datetime


def turn(
    schedule_id: UUID,
    rule: Recurrence,
    *,
    next_at: datetime | None,
    jitter_seconds: int,
    now: datetime,
) -> Turn:
    """Decide at `now`; `next_at` is the time that was expected next, None for a new rule."""
    following = rule.after(now)
    if next_at is None or next_at > following:
        return Turn(due=None, next_at=following)
    if now < next_at + jitter(schedule_id, next_at, jitter_seconds):
        return Turn(due=None, next_at=next_at)
    return Turn(due=next_at, next_at=following)


def jitter(schedule_id: UUID, due: datetime, longest_seconds: int) -> timedelta:
    """Return how long after its time a scan begins: the same for every replica."""
    word = f"{schedule_id} {due.timestamp():.0f}".encode()
    drawn = int.from_bytes(blake2b(word, digest_size=8).digest())
    return timedelta(seconds=drawn % (longest_seconds + 1))


def scan_id(schedule_id: UUID, due: datetime) -> UUID:
    """Return the id of a time's scan: asked for twice it is still one scan."""
    return uuid5(schedule_id, f"{due.timestamp():.0f}")
