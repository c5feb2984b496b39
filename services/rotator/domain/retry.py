"""When a step that failed is tried again, and when a person must look.

A cycle has five attempts with growing waits, and after three cycles nobody tries any more. Being
asked to slow down costs no attempt: nothing was tried.
"""

from dataclasses import dataclass
from datetime import timedelta
from math import isnan
from typing import Final

from services.rotator.domain.instants import HOUR, in_words

WAITS: Final = (
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=30),
    2 * HOUR,
)
CYCLES: Final = 3
MOST_FAILURES: Final = CYCLES * len(WAITS)
LONGEST_WAIT: Final = 6 * HOUR
"""Nobody waits longer because a cloud said so: it is then asked again, which costs one request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """Try again after this wait; `reason` says why it is not what the cloud asked for."""

    wait: timedelta
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedsAttention:
    """Do not try again by yourself; `reason` is a sentence for people."""

    reason: str


def after_failure(failures: int, retry_after: float | None = None) -> Again | NeedsAttention:
    """Decide after the failure with this number, counted from 1 since a person last looked.

    `retry_after` is what the cloud asked for, in seconds (HTTP `Retry-After`, RFC 9110): nobody
    comes back before it.
    """
    if failures >= MOST_FAILURES:
        return NeedsAttention(
            reason=f"It failed {failures} times in {CYCLES} cycles and is not tried again by"
            " itself. Both credentials stay as they are; mend the cause and resume it."
        )
    return _again(WAITS[(failures - 1) % len(WAITS)], retry_after)


def after_throttling(times: int, retry_after: float | None = None) -> Again:
    """Decide after being asked to slow down for this time in a row, counted from 1."""
    return _again(WAITS[min(times, len(WAITS)) - 1], retry_after)


def _again(own: timedelta, retry_after: float | None) -> Again:
    if retry_after is None or isnan(retry_after) or retry_after <= own.total_seconds():
        return Again(wait=own)
    if retry_after <= LONGEST_WAIT.total_seconds():
        return Again(wait=timedelta(seconds=retry_after))
    return Again(
        wait=LONGEST_WAIT,
        reason=f"The cloud asked to wait for more than {in_words(LONGEST_WAIT)}; it is asked again"
        " after that.",
    )
