"""A FastStream broker for Azure Service Bus, with the rooms of FastStream's own brokers.

    broker = ServiceBusBroker(namespace="x.servicebus.windows.net", credential=identity)

    @broker.subscriber("orders", max_workers=4)
    @broker.publisher(topic="events", subject="order-taken")
    async def take(order: Order, message: ServiceBusMessage) -> Taken:
        raise NackMessage(delay=30)  # a copy waits in this queue, as the next attempt
        raise RejectMessage(reason="unknown", description="…")  # a dead letter with its reason

- An error gives the message back unless `ack_policy` says otherwise; MaxDeliveryCount ends that.
- Each worker has a receiver and a connection of its own, and receives, handles and settles in one
  task: the client is made for no more. Nothing is fetched ahead unless `prefetch` says so.
- A delayed retry is a scheduled copy in the consumer's own queue with `x-attempt` counted up,
  `x-message-id` holding the first id, and `<first id>:<attempt>` as its own. A subscription cannot
  be sent to: let it forward to a queue (ForwardTo) and consume that.
- `start` fails with a sentence where an entity or a right is missing; later failures are told and
  tried again. `consuming` says whether every worker looked for a message of late.
- `stop` lets handlers finish for `graceful_timeout` seconds and gives back everything else.
- `Delivery` implements the bus's `Inbound`; a `ServiceBusMessage` has it as `delivery`.

Not supported: sessions, batches, request and reply.
"""

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
