"""A FastStream broker for Azure Service Bus, with the rooms of FastStream's own brokers."""

from shared.bus.broker.servicebus.address import Address
from shared.bus.broker.servicebus.annotations import ServiceBusMessage
from shared.bus.broker.servicebus.broker.broker import ServiceBusBroker
from shared.bus.broker.servicebus.broker.config import Timing
from shared.bus.broker.servicebus.broker.router import (
    ServiceBusPublisherRoute,
    ServiceBusRoute,
    ServiceBusRouter,
)
from shared.bus.broker.servicebus.delivery import Delivery
from shared.bus.broker.servicebus.response import ServiceBusResponse
from shared.bus.broker.servicebus.testing import TestServiceBusBroker

__all__ = [
    "Address",
    "Delivery",
    "ServiceBusBroker",
    "ServiceBusMessage",
    "ServiceBusPublisherRoute",
    "ServiceBusResponse",
    "ServiceBusRoute",
    "ServiceBusRouter",
    "TestServiceBusBroker",
    "Timing",
]
