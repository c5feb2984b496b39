"""Makes a subscriber from what it was declared with."""

from __future__ import annotations

from faststream._internal.endpoint.subscriber.call_item import CallsCollection
from faststream.middlewares import AckPolicy

from shared.bus.broker.servicebus.address import Address
from shared.bus.broker.servicebus.broker.config import ServiceBusBrokerConfig
from shared.bus.broker.servicebus.delivery import Delivery
from shared.bus.broker.servicebus.subscriber.config import (
    ServiceBusSubscriberConfig,
    ServiceBusSubscriberSpecificationConfig,
)
from shared.bus.broker.servicebus.subscriber.specification import ServiceBusSubscriberSpecification
from shared.bus.broker.servicebus.subscriber.usecase import ServiceBusSubscriber


def create_subscriber(
    *,
    address: Address,
    workers: int,
    prefetch: int,
    max_lock_renewal: float,
    ack_policy: AckPolicy,
    no_reply: bool,
    config: ServiceBusBrokerConfig,
    title: str | None,
    description: str | None,
    include_in_schema: bool,
) -> ServiceBusSubscriber:
    calls = CallsCollection[Delivery]()
    specification = ServiceBusSubscriberSpecification(
        config,
        ServiceBusSubscriberSpecificationConfig(
            address=address,
            title_=title,
            description_=description,
            include_in_schema=include_in_schema,
        ),
        calls,
    )
    subscriber_config = ServiceBusSubscriberConfig(
        _outer_config=config,
        _ack_policy=ack_policy,
        no_reply=no_reply,
        address=address,
        workers=workers,
        prefetch=prefetch,
        max_lock_renewal=max_lock_renewal,
    )
    return ServiceBusSubscriber(subscriber_config, specification, calls)
