"""What the metrics say of a delivery and of a publish command."""

from __future__ import annotations

from faststream.message import StreamMessage
from faststream.prometheus import ConsumeAttrs, MetricsSettingsProvider

from shared.bus.broker.servicebus.delivery import Delivery
from shared.bus.broker.servicebus.response import ServiceBusPublishCommand

# OpenTelemetry, "Semantic conventions for Azure messaging": messaging.system.
MESSAGING_SYSTEM = "servicebus"


class ServiceBusMetricsSettingsProvider(
    MetricsSettingsProvider[Delivery, ServiceBusPublishCommand]
):
    """Names the entity; the size is the body's."""

    def __init__(self) -> None:
        self.messaging_system = MESSAGING_SYSTEM

    def get_consume_attrs_from_message(self, msg: StreamMessage[Delivery]) -> ConsumeAttrs:
        return {
            "destination_name": msg.raw_message.queue,
            "message_size": len(msg.body),
            "messages_count": 1,
        }

    def get_publish_destination_name_from_cmd(self, cmd: ServiceBusPublishCommand) -> str:
        return cmd.destination
