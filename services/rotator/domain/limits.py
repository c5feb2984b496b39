"""Whether a write may go out now, or how long it waits, before a cloud asks us to slow down.

An application is written by one at a time with a gap (Entra answers concurrent writes with 409 or
503). Vaults and the tenant have budgets, because the customer's own applications live from the same
quota. Only effects in flight are counted overall; whoever waits holds no place.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from services.rotator.domain.instants import HOUR, in_words
from services.rotator.domain.retry import LONGEST_WAIT

IN_FLIGHT: Final = 5
GRAPH_GAP: Final = timedelta(seconds=5)
MIN_INTERVAL: Final = HOUR
LOOK_AGAIN: Final = timedelta(seconds=2)
"""When to ask anew where nobody can say how long it takes: another one's effect must end."""

NOW: Final = timedelta()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """How long to wait (zero: now), and what for, as a sentence."""

    span: timedelta = NOW
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How fast a budget fills up: one write comes back each `every`, and it holds `burst`."""

    every: timedelta
    burst: int


VAULT_RATE: Final = Rate(every=timedelta(seconds=1), burst=5)
"""A thirtieth of what Azure grants a vault (Key Vault service limits: 300 new secrets in 10 s)."""

TENANT_RATE: Final = Rate(every=timedelta(seconds=2), burst=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """A token bucket as one instant: when it is full again. Until `shut_until` it gives nothing.

    Instants add up exactly, so whoever waited as told finds a write left. A new bucket is full now.
    """

    full_at: datetime
    shut_until: datetime | None = None

    def wait(self, rate: Rate, now: datetime) -> timedelta:
        """Return how long until a write is left."""
        shut = min(LONGEST_WAIT, self.shut_until - now) if self.shut_until else NOW
        return max(NOW, shut, self._full_at(rate, now) - now - (rate.burst - 1) * rate.every)

    def take(self, rate: Rate, now: datetime) -> "Bucket":
        """Return the bucket with one write less."""
        return replace(self, full_at=max(now, self._full_at(rate, now)) + rate.every)

    def shut(self, now: datetime, span: timedelta) -> "Bucket":
        """Return the bucket that a cloud asked to leave alone for a while."""
        return replace(self, shut_until=max(self.shut_until or now, now + span))

    def _full_at(self, rate: Rate, now: datetime) -> datetime:
        """Return when it is full; later than an empty one only if the clock was set back."""
        return min(self.full_at, now + rate.burst * rate.every)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppWrites:
    """What was last done to an application: when its last rotation began and last write ended."""

    rotation_began_at: datetime | None = None
    write_ended_at: datetime | None = None
    writing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """A bucket, its rate, and whose it is, as people call it."""

    owner: str
    rate: Rate
    bucket: Bucket


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """Whether a write goes out now; `budgets` are those after it, unchanged if it waits."""

    wait: Wait
    budgets: tuple[Budget, ...]


def may_begin(app: AppWrites, now: datetime, interval: timedelta = MIN_INTERVAL) -> Wait:
    """Say when the application's next rotation may begin."""
    return Wait(
        span=_left(app.rotation_began_at, interval, now),
        reason=f"Rotations of one application begin {in_words(interval)} apart.",
    )


def may_write(app: AppWrites, now: datetime) -> Wait:
    """Say when the next write to the application may go out."""
    if app.writing:
        return Wait(span=LOOK_AGAIN, reason="Another write to this application is under way.")
    return Wait(
        span=_left(app.write_ended_at, GRAPH_GAP, now),
        reason=f"Writes to one application are {in_words(GRAPH_GAP)} apart.",
    )


def admit(
    budgets: Sequence[Budget],
    *,
    in_flight: int,
    now: datetime,
    app: AppWrites | None = None,
) -> Admission:
    """Let a write out if everything allows it now, and take its place in all budgets at once.

    `app` is the application that is written to, None for a write to a vault. A write that waits
    takes nothing, so it cannot hold up others.
    """
    waits = [_of_budget(budget, now) for budget in budgets]
    if app is not None:
        waits.append(may_write(app, now))
    if in_flight >= IN_FLIGHT:
        waits.append(Wait(span=LOOK_AGAIN, reason=f"{IN_FLIGHT} writes are under way."))
    longest = max(waits, key=lambda one: one.span, default=Wait())
    if longest.span > NOW:
        return Admission(wait=longest, budgets=tuple(budgets))
    taken = (replace(one, bucket=one.bucket.take(one.rate, now)) for one in budgets)
    return Admission(wait=Wait(), budgets=tuple(taken))


def _of_budget(budget: Budget, now: datetime) -> Wait:
    return Wait(
        span=budget.bucket.wait(budget.rate, now),
        reason=f"The budget of {budget.owner} is used up for the moment.",
    )


def _left(since: datetime | None, span: timedelta, now: datetime) -> timedelta:
    """Return what is left of a span; of one that seems to begin later, all of it and no more."""
    if since is None:
        return NOW
    return max(NOW, min(span, since + span - now))
