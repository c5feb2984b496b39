"""Many rotations at once: one first, then a tenth of all, then the rest, and a halt when they fail.

An item has succeeded when its successor is published and seen to work; waiting for overlaps would
make a bulk take weeks. A halted bulk starts nothing more; what has begun goes on to its end.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

from services.rotator.domain.limits import IN_FLIGHT

SECOND_WAVE: Final = 0.10
TOLERATED: Final = 0.10
IN_A_ROW: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How a bulk of `total` stands: how many were started, and how each ended, in that order."""

    total: int
    started: int
    outcomes: tuple[bool, ...] = ()

    @property
    def under_way(self) -> int:
        """Return how many have begun and not ended."""
        return self.started - len(self.outcomes)

    @property
    def failed(self) -> int:
        """Return how many failed."""
        return self.outcomes.count(False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    """How many more to start now; `halted` says why none follows, `done` that none is left."""

    start: int = 0
    done: bool = False
    halted: str | None = None


def ends_of(total: int) -> tuple[int, ...]:
    """Return after how many items each wave ends: of 200 after 1, 21 and 200."""
    second = 1 + ceil(total * SECOND_WAVE)
    return tuple(sorted({min(total, end) for end in (1, second, total)} - {0}))


def following(progress: Progress, parallel: int = IN_FLIGHT) -> Next:
    """Decide what starts now. A wave begins when the one before it has ended without a halt."""
    if progress.started == progress.total:
        return Next(done=not progress.under_way)
    reason = _halted(progress)
    if reason:
        return Next(halted=reason)
    room = min(_open_until(progress) - progress.started, parallel - progress.under_way)
    return Next(start=max(0, room))


def _open_until(progress: Progress) -> int:
    """Return how many may have been started: to the end of the wave that has not ended yet."""
    return next(end for end in ends_of(progress.total) if len(progress.outcomes) < end)


def _halted(progress: Progress) -> str | None:
    so_far = f"{progress.failed} of the {progress.started} rotations begun so far failed"
    if _in_a_row(progress.outcomes):
        why = f"{IN_A_ROW} rotations in a row failed"
    elif progress.failed > TOLERATED * progress.started:
        why = f"{so_far}, more than {TOLERATED:.0%}"
    else:
        return None
    left = progress.total - progress.started
    return f"Halted: {why}. Look at the failures, then start the {left} that were not begun anew."


def _in_a_row(outcomes: Sequence[bool]) -> bool:
    failed_since = 0
    for succeeded in outcomes:
        failed_since = 0 if succeeded else failed_since + 1
        if failed_since == IN_A_ROW:
            return True
    return False
