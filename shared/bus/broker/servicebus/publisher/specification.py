"""How a publisher describes itself to FastStream's AsyncAPI generator."""

from __future__ import annotations

from faststream._internal.endpoint.publisher import PublisherSpecification
from faststream.specification.asyncapi.utils import resolve_payloads
from faststream.specification.schema import Message, Operation, PublisherSpec

from shared.bus.broker.servicebus.broker.config import ServiceBusBrokerConfig
from shared.bus.broker.servicebus.publisher.config import ServiceBusPublisherSpecificationConfig


class ServiceBusPublisherSpecification(
    PublisherSpecification[ServiceBusBrokerConfig, ServiceBusPublisherSpecificationConfig]
):
    """One channel: the queue or topic. AsyncAPI has no binding for Service Bus."""

    @property
    def address(self) -> str:
        return f"{self._outer_config.prefix}{self.config.destination}"

    @property
    def name(self) -> str:
        return self.config.title_ or f"{self.address}:Publisher"

    def get_schema(self) -> dict[str, PublisherSpec]:
        payload = resolve_payloads(self.get_payloads(), "Publisher")
        message = Message(title=f"{self.name}:Message", payload=payload)
        return {
            self.name: PublisherSpec(
                address=self.address,
                description=self.config.description_,
                operation=Operation(message=message, bindings=None),
                bindings=None,
            )
        }
