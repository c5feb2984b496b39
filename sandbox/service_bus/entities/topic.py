"""A topic: every subscription that wants a message gets its own copy."""

from sandbox.service_bus.entities.entity import Entity, Surroundings
from sandbox.service_bus.entities.options import Options
from sandbox.service_bus.entities.queue import Queue
from sandbox.service_bus.entities.rules import DEFAULT_RULE, Filter, TrueFilter
from sandbox.service_bus.message import Message


class Subscription(Queue):
    """A topic's queue, with the rules that say what comes into it."""

    def __init__(self, path: str, options: Options, surroundings: Surroundings) -> None:
        super().__init__(path, options, surroundings)
        self.rules: dict[str, Filter] = {DEFAULT_RULE: TrueFilter()}

    def wants(self, message: Message) -> bool:
        return any(rule.matches(message) for rule in self.rules.values())


class Topic(Entity):
    """Holds nothing but what is scheduled; its subscriptions hold the copies."""

    def __init__(self, path: str, options: Options, surroundings: Surroundings) -> None:
        super().__init__(path, options, surroundings)
        self.subscriptions: dict[str, Subscription] = {}

    @property
    def size(self) -> int:
        return sum(each.size for each in self.subscriptions.values())

    def accept(self, message: Message, hops: int = 0, source: str | None = None) -> None:
        for subscription in list(self.subscriptions.values()):
            if subscription.wants(message):
                subscription.accept(message, hops, source)

    def delete(self) -> None:
        super().delete()
        for subscription in self.subscriptions.values():
            subscription.delete()
