"""What a subscriber consumes: a queue, a topic's subscription, or the sub-queue of either."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

from azure.servicebus import ServiceBusSubQueue
from faststream.exceptions import SetupError

SubQueue: TypeAlias = Literal["deadletter", "transferdeadletter"]

# Service Bus documentation, "Overview of Service Bus dead-letter queues", Path to the dead-letter
# queue; and "Topic/queue autoforwarding", Considerations, for the transfer dead-letter queue.
PATHS: Final[dict[SubQueue, str]] = {
    "deadletter": "$deadletterqueue",
    "transferdeadletter": "$Transfer/$deadletterqueue",
}


@dataclass(frozen=True, slots=True)
class Address:
    """The name of an entity; a topic's comes with `subscription`, a sub-queue's with that."""

    entity: str
    subscription: str = ""
    sub_queue: SubQueue | None = None

    def prefixed(self, prefix: str) -> Address:
        """Return the address in a router with `prefix`: it goes before the queue or topic."""
        return replace(self, entity=f"{prefix}{self.entity}") if prefix else self

    @property
    def path(self) -> str:
        """The path in the namespace, as Service Bus writes it."""
        path = self.entity
        if self.subscription:
            path += f"/Subscriptions/{self.subscription}"
        if self.sub_queue:
            path += f"/{PATHS[self.sub_queue]}"
        return path

    @property
    def takes_copies(self) -> bool:
        """Whether a message can be sent here and to nobody else: only a queue itself allows it."""
        return not self.subscription and not self.sub_queue

    @property
    def native_sub_queue(self) -> ServiceBusSubQueue | None:
        return ServiceBusSubQueue(self.sub_queue) if self.sub_queue else None


def consumed(
    queue: str, topic: str, subscription: str, sub_queue: SubQueue | None = None
) -> Address:
    """Return the address of a subscriber. Raises `SetupError` where it names none or two."""
    if bool(queue) == bool(topic):
        raise SetupError("Name either a queue or a topic with one of its subscriptions.")
    if bool(topic) != bool(subscription):
        raise SetupError(
            "A topic is consumed through a subscription: name `topic=` and `subscription=`."
        )
    return Address(queue or topic, subscription, sub_queue)


def destination(queue: str, topic: str) -> str:
    """Return where to publish. Raises `SetupError` where both are named."""
    if queue and topic:
        raise SetupError("Publish either to a queue or to a topic.")
    return queue or topic
