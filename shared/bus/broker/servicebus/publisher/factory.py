"""Makes a publisher from what it was declared with."""

from __future__ import annotations

from typing import Any

from shared.bus.broker.servicebus.broker.config import ServiceBusBrokerConfig
from shared.bus.broker.servicebus.publisher.config import (
    ServiceBusPublisherConfig,
    ServiceBusPublisherSpecificationConfig,
)
from shared.bus.broker.servicebus.publisher.specification import ServiceBusPublisherSpecification
from shared.bus.broker.servicebus.publisher.usecase import ServiceBusPublisher


def create_publisher(
    *,
    destination: str,
    subject: str | None,
    headers: dict[str, Any] | None,
    config: ServiceBusBrokerConfig,
    title: str | None,
    description: str | None,
    schema: Any | None,  # noqa: ANN401 - any type that pydantic describes
    include_in_schema: bool,
) -> ServiceBusPublisher:
    specification = ServiceBusPublisherSpecification(
        config,
        ServiceBusPublisherSpecificationConfig(
            destination=destination,
            title_=title,
            description_=description,
            schema_=schema,
            include_in_schema=include_in_schema,
        ),
    )
    publisher_config = ServiceBusPublisherConfig(
        _outer_config=config, destination=destination, subject=subject, headers=headers or {}
    )
    return ServiceBusPublisher(publisher_config, specification)
