"""What becomes of a message whose handler failed: later again, or to the dead letters."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError

from shared.bus.message import UnreadableError
from shared.database.transient import is_transient
from shared.errors import PermanentError, TransientError
from shared.telemetry.logs import scrub

LONGEST_WAIT_SECONDS: Final = 3600.0
DESCRIPTION_LENGTH: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How often a handler is tried and how long it waits between; delays are in seconds.

    An unknown error is most likely a fault of ours, and five tries show it. A transient one is
    weather: fifteen tries last for about forty minutes before a person is needed.
    """

    attempts: int = 5
    transient_attempts: int = 15
    base: float = 1.0
    cap: float = 300.0
    jitter: float = 0.25

    def delay(self, attempt: int, *, retry_after: float | None = None) -> float:
        """Return the wait before the try after `attempt` (0 is the first), doubled each time.

        Never shorter than `retry_after`, which is what the other side asked for; a wait of more
        than an hour is cut, because the next answer may say something else.
        """
        spread = random.uniform(1 - self.jitter, 1 + self.jitter)  # noqa: S311 - not a secret
        # An exponent without a bound overflows long after the cap was reached.
        growing = min(self.cap, self.base * float(2 ** min(attempt, 60))) * spread
        asked = min(retry_after or 0.0, LONGEST_WAIT_SECONDS)
        return max(growing, asked * (1 + abs(spread - 1)))


@dataclass(frozen=True, slots=True)
class Again:
    """Handle it again in `delay` seconds."""

    delay: float


@dataclass(frozen=True, slots=True)
class Dead:
    """Lay it aside for a person, and say why."""

    reason: str
    description: str


def verdict(error: BaseException, *, attempt: int, retry: Retry) -> Again | Dead:
    """Decide what to do with the message whose handling ended in `error` at `attempt` (from 0)."""
    if isinstance(error, UnreadableError):
        return Dead(error.reason, describe(error))
    if isinstance(error, (PermanentError, ValidationError)):
        return Dead("permanent_error", describe(error))
    allowed = retry.transient_attempts if is_transient(error) else retry.attempts
    if attempt + 1 >= allowed:
        return Dead("attempts_exhausted", describe(error))
    retry_after = error.retry_after if isinstance(error, TransientError) else None
    return Again(retry.delay(attempt, retry_after=retry_after))


def describe(error: BaseException) -> str:
    """Return the error's class and first sentence, without values that its text might carry."""
    if isinstance(error, ValidationError):
        text = _fields(error)
    else:
        text = scrub(str(error).partition("\n")[0])
    sentence, stop, _ = text.partition(". ")
    return f"{type(error).__name__}: {sentence}{stop.strip()}"[:DESCRIPTION_LENGTH]


def _fields(error: ValidationError) -> str:
    """Name the fields that are wrong and how; what they held stays out of it."""
    problems = error.errors(include_input=False, include_url=False, include_context=False)
    named = (f"{'.'.join(map(str, p['loc'])) or 'body'}: {p['type']}" for p in problems)
    return "; ".join(named)
