"""A message's content and properties as plain values, read from the client's and written to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from azure.servicebus import ServiceBusMessage as NativeMessage
from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.amqp import AmqpMessageProperties

ATTEMPT: Final = "x-attempt"
ORIGINAL_ID: Final = "x-message-id"
_NOTHING: Final = AmqpMessageProperties()
LEAST_INTEGER: Final = -(2**31)
# Application properties that Service Bus sets on a dead letter; a copy must not carry them on.
DEAD_LETTER_PROPERTIES: Final = frozenset({"DeadLetterReason", "DeadLetterErrorDescription"})
# The types that an application property may have (Service Bus documentation, "Messages, payloads,
# and serialization"); anything else travels as its text.
PROPERTY_TYPES: Final = (str, bytes, bool, int, float, UUID, datetime)


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """One message. Times are aware; `time_to_live` counts from the moment it is enqueued."""

    body: bytes
    headers: Mapping[str, Any] = field(default_factory=dict)
    message_id: str | None = None
    correlation_id: str | None = None
    content_type: str | None = None
    subject: str | None = None
    reply_to: str | None = None
    time_to_live: timedelta | None = None
    deliver_at: datetime | None = None

    @property
    def attempt(self) -> int:
        """The number of the try, from 0; what is not a number counts as the first."""
        text = str(self.headers.get(ATTEMPT, "0"))
        return int(text) if text.isdecimal() and text.isascii() else 0

    @property
    def original_id(self) -> str | None:
        """The id that the message had at its first try."""
        return str(self.headers.get(ORIGINAL_ID, "")) or self.message_id

    def again(self, at: datetime, new_id: str) -> Envelope:
        """Return the copy for the next try, to be enqueued `at`.

        Its id differs with every try: duplicate detection would drop a copy with an id that the
        queue has seen. `new_id` stands in for a message without an id.
        """
        first = self.original_id or new_id
        attempt = self.attempt + 1
        kept = {n: v for n, v in self.headers.items() if n not in DEAD_LETTER_PROPERTIES}
        return replace(
            self,
            headers={**kept, ATTEMPT: attempt, ORIGINAL_ID: first},
            message_id=f"{first}:{attempt}",
            deliver_at=at,
        )


def read(message: ServiceBusReceivedMessage) -> Envelope:
    """Return what a received message holds; the client leaves names and texts as bytes."""
    # The client's own properties look through all of them for each one that is asked for.
    raw = message.raw_amqp_message
    properties, headers = raw.properties or _NOTHING, raw.application_properties or {}
    return Envelope(
        body=_body(message),
        headers={str(text(name)): text(value) for name, value in headers.items()},
        message_id=_word(properties.message_id),
        correlation_id=_word(properties.correlation_id),
        content_type=_word(properties.content_type),
        subject=_word(properties.subject),
        reply_to=_word(properties.reply_to),
        time_to_live=message.time_to_live,
    )


def written(envelope: Envelope) -> NativeMessage:
    """Return the client's message for an envelope."""
    return NativeMessage(
        envelope.body,
        application_properties={name: _property(v) for name, v in envelope.headers.items()},
        message_id=envelope.message_id,
        correlation_id=envelope.correlation_id,
        content_type=envelope.content_type,
        subject=envelope.subject,
        reply_to=envelope.reply_to,
        time_to_live=envelope.time_to_live,
        scheduled_enqueue_time_utc=envelope.deliver_at,
    )


def text(value: object) -> object:
    """Return bytes that are UTF-8 as text, and anything else as it is."""
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value


def _word(value: object) -> str | None:
    return None if value is None else str(text(value))


def _property(value: Any) -> Any:  # noqa: ANN401 - a property may have any of several types
    """Return a value that the client can write: it knows 32 bits of an integer, and fails at 33."""
    too_wide = isinstance(value, int) and not LEAST_INTEGER <= value <= -LEAST_INTEGER - 1
    return value if isinstance(value, PROPERTY_TYPES) and not too_wide else str(value)


def _body(message: ServiceBusReceivedMessage) -> bytes:
    """Return the body of a data section, or a value section's text.

    AMQP 1.0, Part 3, 3.2.6 to 3.2.8: a body is data, a sequence or a value. Another kind of sender
    may choose the latter two; JSON in a value is the one of them that occurs.
    """
    body = message.body
    if isinstance(body, bytes):
        return body
    if isinstance(body, str):
        return body.encode()
    try:
        return b"".join(body)
    except TypeError:
        return str(body).encode()
