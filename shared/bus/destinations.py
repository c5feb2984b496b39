"""Where the relay's messages go, and which of these places takes nothing just now.

A message without a queue of its own goes by its type. A place that refuses, or leaves a message
unanswered, is given a pause and then one message at a time, so that the others are not held up.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from shared.bus.store import Claimed

FIRST_PAUSE_SECONDS: Final = 0.25
LAST_PAUSE_SECONDS: Final = 15.0
# A confirmation comes within milliseconds; after this long its place is given to another message.
SLOW_SECONDS: Final = 1.0


def destination_of(claimed: Claimed) -> str:
    """Return the queue that a message is addressed to, or else the type by which it is routed."""
    return claimed.route or claimed.type


@dataclass(slots=True)
class _State:
    # By delivery and lease: one whose lease ran out may be under way twice.
    began: dict[tuple[int, UUID], float] = field(default_factory=dict)
    pause: float = 0.0
    until: float = 0.0


class Destinations:
    """What is under way to each destination. Times are the event loop's, in seconds."""

    def __init__(self) -> None:
        self._states: dict[str, _State] = {}

    def wait(self, destination: str, now: float) -> float:
        """Return in how many seconds a message may be sent there; 0 is now."""
        state = self._states.get(destination)
        if state is None:
            return 0.0
        if state.until > now:
            return state.until - now
        if state.pause and state.began:
            return FIRST_PAUSE_SECONDS
        return SLOW_SECONDS if _slow(state, now) else 0.0

    def begin(self, claimed: Claimed, now: float) -> None:
        """Note that a message is being sent."""
        state = self._states.setdefault(destination_of(claimed), _State())
        state.began[claimed.seq, claimed.lease] = now

    def succeed(self, claimed: Claimed) -> bool:
        """Note that a message has arrived; return whether its destination had been failing."""
        destination = destination_of(claimed)
        state = self._states[destination]
        del state.began[claimed.seq, claimed.lease]
        was_failing = bool(state.pause)
        state.pause = state.until = 0.0
        if not state.began:
            del self._states[destination]
        return was_failing

    def fail(self, claimed: Claimed, now: float) -> float:
        """Note that a message was not taken; return how long its destination pauses.

        Messages that were under way together fail together, and count as one failure.
        """
        state = self._states[destination_of(claimed)]
        del state.began[claimed.seq, claimed.lease]
        if state.until <= now:
            state.pause = min(state.pause * 2, LAST_PAUSE_SECONDS) or FIRST_PAUSE_SECONDS
            state.until = now + state.pause
        return state.until - now

    def under_way(self, now: float) -> tuple[int, int]:
        """Return how many messages are being sent, and how many of them in good time."""
        began = [at for state in self._states.values() for at in state.began.values()]
        return len(began), sum(now - at < SLOW_SECONDS for at in began)


def _slow(state: _State, now: float) -> bool:
    return any(now - at >= SLOW_SECONDS for at in state.began.values())
