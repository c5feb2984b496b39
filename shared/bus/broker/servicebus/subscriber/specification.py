"""How a subscriber describes itself to FastStream's AsyncAPI generator."""

from __future__ import annotations

from faststream._internal.endpoint.subscriber import SubscriberSpecification
from faststream.specification.asyncapi.utils import resolve_payloads
from faststream.specification.schema import Message, Operation, SubscriberSpec

from shared.bus.broker.servicebus.broker.config import ServiceBusBrokerConfig
from shared.bus.broker.servicebus.subscriber.config import ServiceBusSubscriberSpecificationConfig


class ServiceBusSubscriberSpecification(
    SubscriberSpecification[ServiceBusBrokerConfig, ServiceBusSubscriberSpecificationConfig]
):
    """One channel: the path consumed. AsyncAPI has no binding for Service Bus."""

    @property
    def address(self) -> str:
        return self.config.address.prefixed(self._outer_config.prefix).path

    @property
    def channel_labels(self) -> list[str]:
        return [self.address]

    def get_schema(self) -> dict[str, SubscriberSpec]:
        payload = resolve_payloads(self.get_payloads())
        message = Message(title=f"{self.name}:Message", payload=payload)
        return {
            self.name: SubscriberSpec(
                address=self.address,
                description=self.description,
                operation=Operation(message=message, bindings=None),
                bindings=None,
            )
        }
