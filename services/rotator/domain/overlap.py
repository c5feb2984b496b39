"""How long the old and the new credential both work: never shorter than the longest cache."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from services.rotator.domain.instants import in_words
from services.rotator.domain.policy import LONGEST_OVERLAP


class OverlapError(ValueError):
    """No overlap is long enough; the message says for whom and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """A consumer, and for how long it may go on using a value after a new one is published."""

    consumer: str
    keeps_for: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """The overlap of one rotation; `raised` says for whom it is longer than the policy's."""

    length: timedelta
    raised: str | None = None


def overlap_of(asked: timedelta, caches: Iterable[Cache]) -> Overlap:
    """Return the overlap that was asked for, or that of the longest cache where it is longer.

    Raises `OverlapError` for a consumer that keeps values longer than any overlap may be.
    """
    longest = max(caches, key=lambda one: one.keeps_for, default=None)
    if longest is None or longest.keeps_for <= asked:
        return Overlap(length=asked)
    kept = in_words(longest.keeps_for)
    if longest.keeps_for > LONGEST_OVERLAP:
        raise OverlapError(
            f"“{longest.consumer}” keeps a value for {kept}, and an overlap is"
            f" {in_words(LONGEST_OVERLAP)} at most; let it read the secret more often, or restart"
            " it after each rotation and set its time accordingly."
        )
    return Overlap(
        length=longest.keeps_for,
        raised=f"The overlap is {kept} instead of {in_words(asked)}, because"
        f" “{longest.consumer}” keeps a value for that long.",
    )
