"""The freeze calendar: times in which nothing is replaced, each with people's reason for it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

LONGEST: Final = timedelta(days=366)
MOST_CHARACTERS: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeze:
    """From `starts_at` until right before `ends_at` no rotation begins.

    Raises `ValueError` with a sentence for one that ends before it starts, lasts for more than a
    year or has no reason.
    """

    starts_at: datetime
    ends_at: datetime
    reason: str

    def __post_init__(self) -> None:
        """Refuse what is no range, what would never end, and what nobody could explain."""
        if self.starts_at.tzinfo is None or self.ends_at.tzinfo is None:
            raise ValueError(
                "Give both ends of the freeze with their time zone, such as Z for UTC."
            )
        if self.ends_at <= self.starts_at:
            raise ValueError("A freeze ends after it starts; swap the two times or correct one.")
        if self.ends_at - self.starts_at > LONGEST:
            raise ValueError(
                f"A freeze lasts {LONGEST.days} days at most, because credentials go on expiring;"
                " disable the policy or pause rotations instead."
            )
        if not 0 < len(self.reason.strip()) <= MOST_CHARACTERS:
            raise ValueError(f"Say why, in 1 to {MOST_CHARACTERS} characters.")

    def holds(self, moment: datetime) -> bool:
        """Say whether an instant is frozen; the end is not."""
        return self.starts_at <= moment < self.ends_at


def holding(moment: datetime, freezes: Iterable[Freeze]) -> Freeze | None:
    """Return the freeze that an instant is in; of several the one that ends last."""
    return max(
        (freeze for freeze in freezes if freeze.holds(moment)),
        key=lambda freeze: freeze.ends_at,
        default=None,
    )


def thawed(moment: datetime, freezes: Iterable[Freeze]) -> datetime:
    """Return the first instant from `moment` on that is outside all freezes."""
    for freeze in sorted(freezes, key=lambda one: one.starts_at):
        if freeze.holds(moment):
            moment = freeze.ends_at
    return moment
