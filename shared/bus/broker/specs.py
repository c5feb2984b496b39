"""How a subscriber describes itself to FastStream's AsyncAPI generator."""

from __future__ import annotations

from dataclasses import dataclass

from faststream._internal.configs import SubscriberSpecificationConfig
from faststream._internal.endpoint.subscriber import SubscriberSpecification
from faststream.specification.asyncapi.utils import resolve_payloads
from faststream.specification.schema import Message, Operation, SubscriberSpec

from shared.bus.broker.config import TransportBrokerConfig


@dataclass(kw_only=True)
class TransportSpecificationConfig(SubscriberSpecificationConfig):
    """FastStream's description of a subscriber and its queue."""

    queue: str


class TransportSpecification(
    SubscriberSpecification[TransportBrokerConfig, TransportSpecificationConfig]
):
    """One channel: the queue. No AsyncAPI binding describes a PostgreSQL queue."""

    @property
    def channel_labels(self) -> list[str]:
        return [self.config.queue]

    def get_schema(self) -> dict[str, SubscriberSpec]:
        payload = resolve_payloads(self.get_payloads())
        message = Message(title=f"{self.name}:Message", payload=payload)
        return {
            self.name: SubscriberSpec(
                address=self.config.queue,
                description=self.description,
                operation=Operation(message=message, bindings=None),
                bindings=None,
            )
        }
