"""What the spans say of a delivery and of a publish command.

The names are FastStream's for its other brokers; those of Service Bus alone come from
OpenTelemetry, "Semantic conventions for Azure messaging".
"""

from __future__ import annotations

from typing import Any

from faststream.message import StreamMessage
from faststream.opentelemetry import TelemetrySettingsProvider
from faststream.opentelemetry.consts import MESSAGING_DESTINATION_PUBLISH_NAME
from opentelemetry.semconv.trace import SpanAttributes

from shared.bus.broker.servicebus.delivery import Delivery
from shared.bus.broker.servicebus.response import ServiceBusPublishCommand


class ServiceBusTelemetrySettingsProvider(
    TelemetrySettingsProvider[Delivery, ServiceBusPublishCommand]
):
    """Names the entity, the message and the number of its delivery."""

    def __init__(self) -> None:
        self.messaging_system = "servicebus"

    def get_consume_attrs_from_message(self, msg: StreamMessage[Delivery]) -> dict[str, Any]:
        return {
            SpanAttributes.MESSAGING_SYSTEM: self.messaging_system,
            SpanAttributes.MESSAGING_MESSAGE_ID: msg.message_id,
            SpanAttributes.MESSAGING_MESSAGE_CONVERSATION_ID: msg.correlation_id,
            SpanAttributes.MESSAGING_MESSAGE_PAYLOAD_SIZE_BYTES: len(msg.body),
            MESSAGING_DESTINATION_PUBLISH_NAME: msg.raw_message.address.entity,
            "messaging.servicebus.message.delivery_count": (
                msg.raw_message.particulars.delivery_count
            ),
        }

    def get_consume_destination_name(self, msg: StreamMessage[Delivery]) -> str:
        return msg.raw_message.queue

    def get_publish_attrs_from_cmd(self, cmd: ServiceBusPublishCommand) -> dict[str, Any]:
        return {
            SpanAttributes.MESSAGING_SYSTEM: self.messaging_system,
            SpanAttributes.MESSAGING_DESTINATION_NAME: cmd.destination,
            SpanAttributes.MESSAGING_MESSAGE_CONVERSATION_ID: cmd.correlation_id,
        }

    def get_publish_destination_name(self, cmd: ServiceBusPublishCommand) -> str:
        return cmd.destination
