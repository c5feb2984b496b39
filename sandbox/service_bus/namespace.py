"""A namespace: every entity by its path, its clock, its keys' owner's faults and quota."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from sandbox.clock import Clock
from sandbox.service_bus.agenda import Agenda
from sandbox.service_bus.entities.entity import Entity
from sandbox.service_bus.entities.keeping import InMemory, Keeping
from sandbox.service_bus.entities.options import Options
from sandbox.service_bus.entities.queue import Queue
from sandbox.service_bus.entities.rules import Filter
from sandbox.service_bus.entities.topic import Subscription, Topic
from sandbox.service_bus.errors import NOT_ALLOWED, SERVER_BUSY, BusError, entity_not_found
from sandbox.service_bus.faults import Faults
from sandbox.throttle import Window

E = TypeVar("E", bound=Entity)
_DEAD_LETTERS = "/$deadletterqueue"
_TRANSFER_DEAD_LETTERS = "/$transfer/$deadletterqueue"


class Namespace:
    """Queues and topics of one name space; names compare without regard to case.

    `operations` is its throughput: how many messages it takes in a second before it says that it
    is busy; None means as many as come.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self.agenda = Agenda(clock or Clock())
        self.faults = Faults()
        self.operations: Window | None = None
        self.keeping: Keeping = InMemory()
        self._entities: dict[str, Entity] = {}

    # Making

    def create_queue(self, name: str, **options: Any) -> Queue:  # noqa: ANN401 - fields of Options
        """Make a queue. Raises `BusError` (409) when there is an entity of that name."""
        return self.add(Queue(name, Options(**options), self))

    def create_topic(self, name: str, **options: Any) -> Topic:  # noqa: ANN401 - fields of Options
        """Make a topic. Raises `BusError` (409) when there is an entity of that name."""
        return self.add(Topic(name, Options(**options), self))

    def create_subscription(
        self,
        topic: str,
        name: str,
        rules: Mapping[str, Filter] | None = None,
        **options: Any,  # noqa: ANN401 - fields of Options
    ) -> Subscription:
        """Make a subscription; without rules it wants everything.

        Raises `BusError`: 404 without such a topic, 409 when there is one of that name.
        """
        of = self.topic(topic)
        if name.lower() in of.subscriptions:
            raise _taken(name)
        made = Subscription(f"{of.path}/Subscriptions/{name}", Options(**options), self)
        if rules is not None:
            made.rules = dict(rules)
        of.subscriptions[name.lower()] = made
        return made

    def add(self, entity: E) -> E:
        if entity.path.lower() in self._entities:
            raise _taken(entity.path)
        self._entities[entity.path.lower()] = entity
        return entity

    def delete(self, path: str) -> None:
        """Delete a queue, a topic or a subscription. Raises `BusError` (404)."""
        entity = self.find(path)
        topic, _, name = path.lower().partition("/subscriptions/")
        if isinstance(entity, Subscription):
            del self.topic(topic).subscriptions[name]
        else:
            del self._entities[path.lower()]
        entity.delete()

    # Finding

    def find(self, path: str) -> Entity:
        """Return the entity of a path or a full address. Raises `BusError` (404)."""
        key = path_of(path).lower()
        for suffix in (_TRANSFER_DEAD_LETTERS, _DEAD_LETTERS):
            if key.endswith(suffix):
                queue = self.queue(key.removesuffix(suffix))
                transfer = suffix == _TRANSFER_DEAD_LETTERS
                return queue.transfer_dead_letters if transfer else queue.dead_letters
        found = self._entities.get(key) or self._subscription(key)
        if found is None:
            raise entity_not_found(path_of(path))
        return found

    def queue(self, path: str) -> Queue:
        """Return a queue or a subscription. Raises `BusError`: 404, or not-allowed for a topic."""
        found = self.find(path)
        if not isinstance(found, Queue):
            raise BusError(NOT_ALLOWED, f"'{path}' is a topic: receive from its subscriptions.")
        return found

    def topic(self, path: str) -> Topic:
        """Return a topic. Raises `BusError` (404) when there is none of that name."""
        found = self.find(path)
        if not isinstance(found, Topic):
            raise entity_not_found(path)
        return found

    def entities(self) -> Iterator[Entity]:
        """Return every queue and topic, by name."""
        return (self._entities[key] for key in sorted(self._entities))

    def _subscription(self, key: str) -> Subscription | None:
        name, middle, subscription = key.partition("/subscriptions/")
        topic = self._entities.get(name) if middle else None
        return topic.subscriptions.get(subscription) if isinstance(topic, Topic) else None

    # Time and trouble

    def advance(self, seconds: float) -> None:
        """Let time pass at once: locks expire, what is scheduled arrives, what is old dies."""
        self.agenda.clock.offset_seconds += seconds
        self.agenda.run()

    def lose_locks(self) -> None:
        """Break every lock, as the service does when it moves a namespace to other machines."""
        for entity in self._entities.values():
            found = entity.subscriptions.values() if isinstance(entity, Topic) else [entity]
            for queue in found:
                if isinstance(queue, Queue):
                    queue.locks.lose()

    def check_throughput(self, messages: int) -> None:
        """Count messages; raise `BusError` (server-busy, 50009) when they are too many."""
        if self.operations and not all(self.operations.take("") for _ in range(messages)):
            raise BusError(
                SERVER_BUSY,
                "The request was terminated because the namespace is being throttled."
                " Error code : 50009. Please wait 2 seconds and try again.",
                503,
            )


def path_of(address: str) -> str:
    """Return the path of an address: clients send whole URIs, forwarding too."""
    return address.partition("://")[2].partition("/")[2] if "://" in address else address.strip("/")


def _taken(name: str) -> BusError:
    return BusError(
        "com.microsoft:entity-already-exists", f"There is an entity '{name}' already.", 409
    )
