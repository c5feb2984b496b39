"""What a publisher is configured with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from faststream._internal.configs import PublisherSpecificationConfig, PublisherUsecaseConfig

from shared.bus.broker.servicebus.broker.config import ServiceBusBrokerConfig


@dataclass(kw_only=True)
class ServiceBusPublisherSpecificationConfig(PublisherSpecificationConfig):
    """What the AsyncAPI document says of a publisher."""

    destination: str


@dataclass(kw_only=True)
class ServiceBusPublisherConfig(PublisherUsecaseConfig):
    """Where a publisher sends, and what it adds to every message."""

    _outer_config: ServiceBusBrokerConfig  # pyright: ignore[reportIncompatibleVariableOverride]  # as FastStream's own brokers do
    destination: str
    subject: str | None
    headers: dict[str, Any] = field(default_factory=dict)
