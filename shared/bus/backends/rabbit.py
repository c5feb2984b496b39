"""Events over RabbitMQ: FastStream's own broker consumes, the relay publishes from the outbox."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Final

from faststream import AckPolicy
from faststream.rabbit import (
    Channel,
    ExchangeType,
    QueueType,
    RabbitBroker,
    RabbitExchange,
    RabbitMessage,
    RabbitQueue,
)

from shared.bus import amqp
from shared.bus.broker import has_consumer
from shared.bus.broker.core import FASTSTREAM_LOGGER
from shared.bus.broker.message import undecoded
from shared.bus.dispatch import Dispatcher, Route
from shared.bus.failures import tell
from shared.bus.metrics import Metrics
from shared.bus.relay import QUEUE, Relay
from shared.bus.store import Claimed
from shared.bus.tasks import stop_tasks
from shared.bus.transports.postgres import PostgresTransport
from shared.clock import utc_now
from shared.telemetry import get_logger

START_SECONDS: Final = 5.0
CONFIRM_SECONDS: Final = 15.0
RECONNECT_SECONDS: Final = 1.0
WATCH_SECONDS: Final = 5.0
# The client restores its consumers by itself within seconds; what takes longer needs a new start.
SILENT_ROUNDS: Final = 6

logger = get_logger(__name__)


class RabbitDelivery:
    """Implements `Inbound`: every settlement is confirmed by the broker before the message goes."""

    def __init__(self, message: RabbitMessage, queue: str, broker: RabbitBroker) -> None:
        self._message = message
        self._broker = broker
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
            await self._broker.publish(
                self.body,
                queue,
                headers={**amqp.own_headers(self.headers), **extra},
                content_type=self._message.content_type,
                message_id=amqp.broker_message_id(event_id, attempt),
                expiration=delay,
                persist=True,
                timeout=CONFIRM_SECONDS,
            )
        except Exception:
            await self.release()
            raise
        await self._message.ack()


class RabbitBackend:
    """Implements `Backend` on RabbitMQ.

    It starts without the broker too: events then wait in the outbox, `consuming` says False, and it
    goes on trying. It never declares anything: the topology is `certifyclouds migrate`'s.
    """

    kind = "rabbitmq"

    def __init__(
        self,
        url: str,
        transport: PostgresTransport,
        dispatcher: Dispatcher,
        metrics: Metrics,
        *,
        stop_seconds: float,
    ) -> None:
        self.broker = RabbitBroker(
            url,
            # A message that no queue takes raises instead of vanishing: the outbox keeps it.
            default_channel=Channel(publisher_confirms=True, on_return_raises=True),
            ack_policy=AckPolicy.MANUAL,
            apply_types=False,
            graceful_timeout=stop_seconds,
            reconnect_interval=RECONNECT_SECONDS,
            logger=FASTSTREAM_LOGGER,
            log_level=logging.DEBUG,
        )
        self._transport = transport
        self._dispatcher = dispatcher
        self._exchange = RabbitExchange(
            amqp.EXCHANGE, type=ExchangeType.TOPIC, durable=True, declare=False
        )
        self._subscribers: list[Any] = []
        self._relay = Relay(transport, self._send, metrics)
        self._tasks: list[asyncio.Task[None]] = []
        self._started = asyncio.Event()

    def subscribe(self, route: Route) -> None:
        async def consume(message: RabbitMessage) -> None:
            delivery = RabbitDelivery(message, route.queue, self.broker)
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
        self._subscribers.append(subscriber)

    async def start(self) -> None:
        """Start, and wait a little for the broker so that a healthy start is a finished one."""
        await self._transport.open()
        self._tasks = [
            asyncio.create_task(self._supervise(), name="bus supervisor"),
            asyncio.create_task(self._relay.run(), name="bus relay"),
        ]
        try:
            await asyncio.wait_for(self._started.wait(), START_SECONDS)
        except TimeoutError:
            logger.warning("RabbitMQ does not answer yet: events wait in the outbox")

    async def stop(self) -> None:
        """Stop consuming and relaying; what is under way ends first."""
        if not self._tasks:
            return
        supervisor, relay = self._tasks
        await stop_tasks([supervisor])
        await self._stop_broker()
        self._started.clear()
        self._relay.stop()
        await asyncio.wait([relay], timeout=CONFIRM_SECONDS)
        await stop_tasks([relay])
        await self._transport.close()
        self._tasks = []

    async def ping(self, seconds: float) -> bool:
        return self._started.is_set() and await self.broker.ping(seconds)

    def consuming(self) -> bool:
        return self._started.is_set() and all(map(has_consumer, self._subscribers))

    def outbox_queues(self) -> list[str]:
        return [QUEUE]

    async def _send(self, claimed: Claimed) -> None:
        """Publish one message and wait until the broker has stored it."""
        headers: dict[str, Any] = dict(claimed.headers)
        if claimed.attempt:
            headers[amqp.ATTEMPT] = str(claimed.attempt)
        await self.broker.publish(
            claimed.body,
            claimed.route or "",
            None if claimed.route else self._exchange,
            routing_key=claimed.route or claimed.type,
            headers=headers,
            content_type="application/json",
            message_id=amqp.broker_message_id(claimed.message_id, claimed.attempt),
            correlation_id=headers.get("ce-correlationid"),
            message_type=claimed.type,
            persist=True,
            timeout=CONFIRM_SECONDS,
        )

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
            await self._stop_broker()

    async def _start_broker(self) -> None:
        pause = RECONNECT_SECONDS
        while not self._started.is_set():
            try:
                await self.broker.start()
            except Exception as error:  # noqa: BLE001 - told, and tried again
                tell(
                    logger,
                    "cannot consume from RabbitMQ: is it up, and did certifyclouds migrate run"
                    " with this BUS_URL?",
                    error,
                )
                await self._stop_broker()
                await asyncio.sleep(pause)
                pause = min(pause * 2, WATCH_SECONDS)
            else:
                self._started.set()

    async def _stop_broker(self) -> None:
        try:
            await self.broker.stop()
        except Exception as error:  # noqa: BLE001 - it was to be thrown away
            tell(logger, "the old connection ended badly", error)
