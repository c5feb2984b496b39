"""Events straight from the database to the handlers: nothing else has to run."""

from __future__ import annotations

from shared.bus.broker import TransportBroker, TransportMessage
from shared.bus.broker.subscriber import TransportSubscriber
from shared.bus.dispatch import Dispatcher, Route
from shared.bus.transports.postgres import PostgresTransport


class EmbeddedBackend:
    """Implements `Backend` on the embedded bus."""

    kind = "postgresql"

    def __init__(
        self, transport: PostgresTransport, dispatcher: Dispatcher, *, stop_seconds: float
    ) -> None:
        self._transport = transport
        self._dispatcher = dispatcher
        self._subscribers: list[TransportSubscriber] = []
        self.broker = TransportBroker(transport, graceful_timeout=stop_seconds)

    def subscribe(self, route: Route) -> None:
        async def consume(message: TransportMessage) -> None:
            await self._dispatcher.dispatch(route, message.raw_message)

        subscriber = self.broker.subscriber(route.queue, workers=route.workers)
        subscriber(consume)
        self._subscribers.append(subscriber)

    async def start(self) -> None:
        await self.broker.start()

    async def stop(self) -> None:
        await self.broker.stop()

    async def ping(self, seconds: float) -> bool:
        return await self.broker.ping(seconds)

    def consuming(self) -> bool:
        return self._transport.alive and all(one.consuming for one in self._subscribers)

    def outbox_queues(self) -> list[str]:
        return [one.queue for one in self._subscribers]
