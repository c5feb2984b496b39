"""What every backend with a broker of its own does: the relay beside the consumers."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import Any, Final

from shared.bus.dispatch import Route
from shared.bus.relay import QUEUE, Relay
from shared.bus.tasks import stop_tasks
from shared.bus.transports.postgres import PostgresTransport
from shared.telemetry import get_logger

# For what the relay has sent and nobody has confirmed; it is sent again under the same id.
RELAY_SECONDS: Final = 1.0

logger = get_logger(__name__)


class ExternalBackend(ABC):
    """Implements `Backend` as far as brokers do not differ.

    It starts without the broker too: events then wait in the outbox, `consuming` says False, and it
    goes on trying. It makes nothing at the broker: the topology is `certifyclouds migrate`'s.
    """

    name: str
    """What the broker is called in a sentence."""

    start_seconds: float
    """How long a start waits for the broker, so that a healthy one is a finished one."""

    broker: Any

    def __init__(self, transport: PostgresTransport, relay: Relay) -> None:
        self._transport = transport
        self._relay = relay
        self._started = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start, and wait a little for the broker."""
        await self._transport.open()
        self._relay.start()
        self._tasks = self._supervised()
        try:
            await asyncio.wait_for(self._started.wait(), self.start_seconds)
        except TimeoutError:
            logger.warning(
                "the broker does not answer yet: events wait in the outbox", broker=self.name
            )

    async def stop(self) -> None:
        """Stop consuming and relaying; what is under way ends first."""
        if not self._tasks:
            return
        await stop_tasks(self._tasks)
        self._started.clear()
        await self._end()
        await self._transport.close()
        self._tasks = []

    async def ping(self, seconds: float) -> bool:
        return self._started.is_set() and await self.broker.ping(seconds)

    def outbox_queues(self) -> list[str]:
        return [QUEUE]

    @abstractmethod
    def subscribe(self, route: Route) -> None:
        """Let a handler consume its queue once we have started."""

    @abstractmethod
    def consuming(self) -> bool:
        """Say whether every queue of ours has its consumer."""

    @abstractmethod
    def _supervised(self) -> list[asyncio.Task[None]]:
        """Return tasks that start the broker, setting `_started`, and keep watch over it."""

    @abstractmethod
    async def _end(self) -> None:
        """End consumers and relay, in the order that the broker's connections want."""
