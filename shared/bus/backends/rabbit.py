"""Events over RabbitMQ: FastStream's own broker consumes, the relay publishes from the outbox."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Mapping
from typing import Any, Final

from faststream import AckPolicy
from faststream.rabbit import Channel, QueueType, RabbitBroker, RabbitMessage, RabbitQueue

from shared.bus import amqp
from shared.bus.backends.external import RELAY_SECONDS, ExternalBackend
from shared.bus.backends.rabbit_publisher import RabbitPublisher
from shared.bus.broker import has_consumer, stop_within
from shared.bus.broker.core import FASTSTREAM_LOGGER
from shared.bus.broker.message import undecoded
from shared.bus.dispatch import Dispatcher, Route
from shared.bus.failures import tell
from shared.bus.metrics import Metrics
from shared.bus.relay import Relay
from shared.bus.standing import Standing
from shared.bus.tasks import every
from shared.bus.transports.postgres import PostgresTransport
from shared.clock import utc_now
from shared.errors import TransientError
from shared.telemetry import get_logger

# Beside the handlers' own time.
STOP_SECONDS: Final = 1.0
RECONNECT_SECONDS: Final = 1.0
WATCH_SECONDS: Final = 5.0
# The client restores its consumers by itself within seconds; what takes longer needs a new start.
SILENT_ROUNDS: Final = 6
# What a new connection has not mended by then needs a new process.
LOST_SECONDS: Final = 60.0

logger = get_logger(__name__)


class RabbitDelivery:
    """Implements `Inbound`: every settlement is confirmed by the broker before the message goes."""

    def __init__(self, message: RabbitMessage, queue: str, publisher: RabbitPublisher) -> None:
        self._message = message
        self._publisher = publisher
        self.queue = queue
        self.headers: Mapping[str, object] = message.headers
        self.attempt = amqp.attempt_of(message.headers)

    @property
    def body(self) -> bytes:
        return bytes(self._message.body)

    async def complete(self) -> None:
        await self._message.ack()

    async def retry(self, delay: float) -> None:
        extra = {amqp.ATTEMPT: str(self.attempt + 1)}
        await self._move(amqp.retry_queue(self.queue), extra, self.attempt + 1, delay)

    async def bury(self, reason: str, description: str) -> None:
        extra = {
            amqp.ATTEMPT: str(self.attempt + 1),
            amqp.REASON: reason,
            amqp.DESCRIPTION: description,
            amqp.DEAD_AT: utc_now().isoformat(),
        }
        await self._move(amqp.dead_queue(self.queue), extra, self.attempt)

    async def release(self) -> None:
        await self._message.nack(requeue=True)

    async def _move(
        self, queue: str, extra: Mapping[str, str], attempt: int, delay: float | None = None
    ) -> None:
        """Store a copy in another queue, then let go of this one; without a copy give it back."""
        event_id = self.headers.get("ce-id", self._message.message_id)
        try:
            await self._publisher.copy(
                self.body,
                queue,
                headers={**amqp.own_headers(self.headers), **extra},
                content_type=self._message.content_type,
                message_id=amqp.broker_message_id(event_id, attempt),
                expiration=delay,
            )
        except Exception:
            await self.release()
            raise
        await self._message.ack()


class RabbitBackend(ExternalBackend):
    """Implements `Backend` on RabbitMQ."""

    kind = "rabbitmq"
    name = "RabbitMQ"
    start_seconds = 5.0

    def __init__(
        self,
        url: str,
        transport: PostgresTransport,
        dispatcher: Dispatcher,
        metrics: Metrics,
        standing: Standing,
        *,
        stop_seconds: float,
    ) -> None:
        self.broker = RabbitBroker(
            url,
            ack_policy=AckPolicy.MANUAL,
            apply_types=False,
            graceful_timeout=stop_seconds,
            reconnect_interval=RECONNECT_SECONDS,
            logger=FASTSTREAM_LOGGER,
            log_level=logging.DEBUG,
        )
        self._url = url
        self._dispatcher = dispatcher
        self._standing = standing
        self._publisher = RabbitPublisher(url, standing, reconnect_seconds=RECONNECT_SECONDS)
        self._subscribers: dict[str, Any] = {}
        relay = Relay(
            transport,
            self._publisher.send,
            metrics,
            standing=standing,
            is_open=self._publisher.is_open,
        )
        super().__init__(transport, relay)
        self._stop_seconds = stop_seconds
        self._lost_at: float | None = None

    def subscribe(self, route: Route) -> None:
        async def consume(message: RabbitMessage) -> None:
            delivery = RabbitDelivery(message, route.queue, self._publisher)
            await self._dispatcher.dispatch(route, delivery)

        queue = RabbitQueue(route.queue, durable=True, queue_type=QueueType.QUORUM, declare=False)
        subscriber = self.broker.subscriber(
            queue,
            channel=Channel(prefetch_count=route.workers),
            ack_policy=AckPolicy.MANUAL,
            decoder=undecoded,
            no_reply=True,
            include_in_schema=False,
        )
        subscriber(consume)
        self._subscribers[route.queue] = subscriber

    def _supervised(self) -> list[asyncio.Task[None]]:
        return [
            asyncio.create_task(self._supervise(), name="bus supervisor"),
            every(WATCH_SECONDS, self._watch, "bus watchdog"),
        ]

    async def _end(self) -> None:
        await self._stop_broker(self._stop_seconds + STOP_SECONDS)
        await self._relay.end(RELAY_SECONDS)
        await self._quietly(self._publisher.stop(STOP_SECONDS))

    def consuming(self) -> bool:
        return self._started.is_set() and not self._unread()

    def _unread(self) -> list[str]:
        """Return our queues that have no consumer of ours."""
        return [queue for queue, one in self._subscribers.items() if not has_consumer(one)]

    # Staying connected ------------------------------------------------------------------------

    async def _supervise(self) -> None:
        """Start the broker as often as needed, then watch that every queue keeps its consumer."""
        while True:
            await self._start_broker()
            silent = 0
            while silent < SILENT_ROUNDS:
                await asyncio.sleep(WATCH_SECONDS)
                silent = 0 if self.consuming() else silent + 1
            logger.error("a queue has had no consumer for long: the connection is made anew")
            self._started.clear()
            await self._stop_broker(self._stop_seconds + STOP_SECONDS)

    async def _start_broker(self) -> None:
        pause = RECONNECT_SECONDS
        while not self._started.is_set():
            try:
                await self._publisher.start()
                await self.broker.start()
            except Exception as error:  # noqa: BLE001 - told, and tried again
                tell(
                    logger,
                    "cannot consume from RabbitMQ: is it up, and did certifyclouds migrate run"
                    " with this BUS_URL?",
                    error,
                )
                await self._stop_broker(STOP_SECONDS)
                await asyncio.sleep(pause)
                pause = min(pause * 2, WATCH_SECONDS)
            else:
                self._started.set()

    async def _watch(self) -> None:
        """Say how we stand; end the process when consumers stay away from a broker that answers.

        Consumers that vanish while the connection lives were seen to come back with a new process
        only (https://github.com/ag2ai/faststream/issues/2758). A broker that is away is waited for.
        """
        await self._publisher.is_open()
        self._lost_at = await self._since_when_lost()
        now = asyncio.get_running_loop().time()
        if self._lost_at is not None and now - self._lost_at >= LOST_SECONDS:
            self._standing.give_up(
                f"RabbitMQ answers, but for {LOST_SECONDS:.0f} s this process could not consume"
                f" {', '.join(self._unread())}. It ends, so that a new one begins. If that"
                " repeats, run certifyclouds migrate with this BUS_URL."
            )

    async def _since_when_lost(self) -> float | None:
        if self.consuming():
            self._standing.clear("broker")
            return None
        try:
            await amqp.check(self._url)
        except TransientError as error:
            self._standing.tell("broker", str(error))
            return None
        self._standing.clear("broker")
        return self._lost_at or asyncio.get_running_loop().time()

    async def _stop_broker(self, seconds: float) -> None:
        await self._quietly(stop_within(self.broker, seconds))

    async def _quietly(self, stopping: Awaitable[None]) -> None:
        try:
            await stopping
        except Exception as error:  # noqa: BLE001 - it was to be thrown away
            tell(logger, "the old connection ended badly", error)
