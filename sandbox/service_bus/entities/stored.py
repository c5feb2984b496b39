"""A message in a queue: its number, its state, its lock."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sandbox.service_bus.codec import Int, Symbol, Timestamp, Value
from sandbox.service_bus.message import Message

ACTIVE: Final = 0
DEFERRED: Final = 1
SCHEDULED: Final = 2
GONE: Final = 3

_SEQUENCE: Final = Symbol("x-opt-sequence-number")
_ENQUEUED_SEQUENCE: Final = Symbol("x-opt-enqueue-sequence-number")
_ENQUEUED_TIME: Final = Symbol("x-opt-enqueued-time")
_STATE: Final = Symbol("x-opt-message-state")
_LOCKED_UNTIL: Final = Symbol("x-opt-locked-until")
_SOURCE: Final = Symbol("x-opt-deadletter-source")


@dataclass(slots=True, eq=False)
class Stored:
    """A message where it lies; times are seconds since 1970.

    `token` is its lock's; the message is locked as long as it has one. `source` is the entity where
    it was dead-lettered, once it has been forwarded from there (as the real service sets it).
    """

    sequence: int
    message: Message
    enqueued: float
    expires: float | None = None
    state: int = ACTIVE
    delivery_count: int = 0
    token: UUID | None = None
    locked_until: float = 0.0
    source: str | None = None

    def encode(self) -> bytes:
        """Return it as a receiver gets it (Service Bus AMQP protocol guide, "Messages")."""
        marks: dict[Symbol, Value] = {
            _SEQUENCE: self.sequence,
            _ENQUEUED_SEQUENCE: self.sequence,
            _ENQUEUED_TIME: Timestamp(self.enqueued * 1000),
            _STATE: Int(self.state),
        }
        if self.token is not None:
            marks[_LOCKED_UNTIL] = Timestamp(self.locked_until * 1000)
        if self.source is not None:
            marks[_SOURCE] = self.source
        return self.message.encode(self.delivery_count, marks)
