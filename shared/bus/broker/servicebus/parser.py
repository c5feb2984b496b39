"""From a delivery to FastStream's message, and from its body to Python objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from faststream.message import StreamMessage, decode_message

from shared.bus.broker.servicebus.delivery import Delivery
from shared.bus.broker.servicebus.message import ServiceBusMessage

if TYPE_CHECKING:
    from faststream._internal.basic_types import DecodedMessage


async def parse_message(delivery: Delivery) -> ServiceBusMessage:
    """Wrap a delivery. The message keeps the id of its first try through all its retries."""
    envelope = delivery.envelope
    return ServiceBusMessage(
        delivery,
        envelope.body,
        headers=dict(envelope.headers),
        reply_to=envelope.reply_to or "",
        content_type=envelope.content_type,
        correlation_id=envelope.correlation_id,
        message_id=envelope.original_id,
    )


async def decode(message: StreamMessage[Any]) -> DecodedMessage:
    """Decode a body by its content type, and without one as JSON, text or bytes."""
    return decode_message(message)
