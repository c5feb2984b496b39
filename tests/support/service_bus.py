"""Brokers for tests, in memory and on the emulator, and how their messages ended."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sandbox.service_bus import Emulator, Namespace
from shared.bus.broker.servicebus import ServiceBusBroker, TestServiceBusBroker, Timing
from tests.support.waiting import eventually

until = partial(eventually, seconds=30, pause=0.02)
QUICK = Timing(poll=0.2, stall=10.0, open=10.0, first_pause=0.05, last_pause=0.2)
# The client's own retries, short: a test that waits for them is a slow test.
CLIENT = {"retry_total": 1, "retry_backoff_factor": 0.05}
NOWHERE = "Endpoint=sb://localhost;SharedAccessKeyName=name;SharedAccessKey=a2V5;UseDevelopmentEmulator=true;"


class InMemory:
    """A rig whose broker needs no namespace."""

    real = False

    def __init__(self) -> None:
        self.tester = TestServiceBusBroker()

    def make(self, **options: Any) -> ServiceBusBroker:
        return ServiceBusBroker(NOWHERE, **{"timing": QUICK, **options})

    def queue(self, *_: str, **__: Any) -> None:
        """Nothing has to be made here."""

    subscription = queue

    @asynccontextmanager
    async def running(self, broker: ServiceBusBroker) -> AsyncIterator[ServiceBusBroker]:
        self.tester = TestServiceBusBroker(broker)
        async with self.tester:
            yield broker

    async def ended(self, queue: str, *, settled: bool = True) -> str:
        """Say how the one message of a queue ended, or `left` where nothing was done."""
        assert not settled or any(one.path == queue for one in self.tester.settled)
        return next((one.how for one in self.tester.settled if one.path == queue), "left")


@dataclass
class OnTheEmulator:
    """A rig whose broker is the real client on a namespace of this process."""

    emulator: Emulator
    namespace: Namespace = field(init=False)
    broker: ServiceBusBroker = field(init=False)
    real = True

    def __post_init__(self) -> None:
        self.namespace = self.emulator.namespace

    def make(self, **options: Any) -> ServiceBusBroker:
        options = {"timing": QUICK, "client_options": CLIENT, **options}
        return ServiceBusBroker(self.emulator.connection_string, **options)

    def queue(self, *names: str, **options: Any) -> None:
        for name in names:
            self.namespace.create_queue(name, **{"max_delivery_count": 3, **options})

    def subscription(self, topic: str, *names: str, **options: Any) -> None:
        self.namespace.create_topic(topic)
        for name in names:
            self.namespace.create_subscription(topic, name, **options)

    @asynccontextmanager
    async def running(self, broker: ServiceBusBroker) -> AsyncIterator[ServiceBusBroker]:
        async with TestServiceBusBroker(broker, with_real=True):
            self.broker = broker
            yield broker

    async def ended(self, queue: str, *, settled: bool = True) -> str:
        """Say how the one message of a queue ended, once it is at rest.

        A handler that gives back each time ends where Service Bus has enough of it. One that does
        not settle leaves its message locked.
        """
        return await until(partial(self._ended, queue, settled))

    def _ended(self, path: str, settled: bool) -> str:
        queue = self.namespace.queue(path)
        if queue.dead_letters.count:
            (dead,) = queue.dead_letters.peek(0, 1)
            reason = dead.message.application_properties.get("DeadLetterReason")
            return "abandon" if reason == "MaxDeliveryCountExceeded" else "dead_letter"
        if not queue.count:
            return "complete"
        busy = any(sub._liveness._handling for sub in self.broker.subscribers)  # type: ignore[attr-defined]
        return "" if settled or busy else "left"


Rig = InMemory | OnTheEmulator


@dataclass
class Told:
    """A logger that remembers what it was told; FastStream's interface."""

    lines: list[str] = field(default_factory=list)

    def log(self, _: int, message: Any, /, *__: Any, **___: Any) -> None:
        self.lines.append(str(message))

    def has(self, text: str) -> Callable[[], bool]:
        return lambda: any(text in line for line in self.lines)
