"""Events over Azure Service Bus: our FastStream broker consumes, the relay publishes."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final

from azure.servicebus.exceptions import (
    MessagingEntityNotFoundError,
    ServiceBusAuthenticationError,
    ServiceBusAuthorizationError,
    ServiceBusQuotaExceededError,
    ServiceBusServerBusyError,
)
from faststream import AckPolicy

from shared.bus import amqp
from shared.bus.backends.external import RELAY_SECONDS, ExternalBackend
from shared.bus.broker.core import FASTSTREAM_LOGGER
from shared.bus.broker.message import undecoded
from shared.bus.broker.servicebus import ServiceBusBroker, ServiceBusMessage
from shared.bus.dispatch import Dispatcher, Route
from shared.bus.failures import tell
from shared.bus.metrics import Metrics
from shared.bus.relay import Relay, SendError
from shared.bus.retry import describe
from shared.bus.servicebus import entities
from shared.bus.servicebus.forwarding import unreached
from shared.bus.servicebus.namespace import Namespace
from shared.bus.standing import Standing
from shared.bus.store import Claimed
from shared.bus.tasks import every
from shared.bus.transports.postgres import PostgresTransport
from shared.errors import CertifyCloudsError
from shared.telemetry import get_logger

CONFIRM_SECONDS: Final = 15.0
FIRST_PAUSE_SECONDS: Final = 1.0
LAST_PAUSE_SECONDS: Final = 5.0
# When to look for the subscriptions: a while after the start, and then so often.
SETTLE_SECONDS: Final = 10.0
LOOK_SECONDS: Final = 300.0
LOOK_END_SECONDS: Final = 1.0

logger = get_logger(__name__)


class ServiceBusBackend(ExternalBackend):
    """Implements `Backend` on a Service Bus namespace."""

    kind = "servicebus"
    name = "Service Bus"
    start_seconds = 15.0

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
        self._namespace = Namespace.of(url)
        endpoint = self._namespace.endpoint()
        self.broker = ServiceBusBroker(
            endpoint.connection_string,
            namespace=endpoint.namespace,
            credential=endpoint.credential,
            ack_policy=AckPolicy.MANUAL,
            apply_types=False,
            graceful_timeout=stop_seconds,
            logger=FASTSTREAM_LOGGER,
            log_level=logging.DEBUG,
        )
        super().__init__(transport, Relay(transport, self._send, metrics, standing=standing))
        self._dispatcher = dispatcher
        self._standing = standing
        self._queues: list[str] = []
        self._looking: asyncio.Task[list[str]] | None = None

    def subscribe(self, route: Route) -> None:
        async def consume(message: ServiceBusMessage) -> None:
            await self._dispatcher.dispatch(route, message.delivery)

        subscriber: Any = self.broker.subscriber(
            route.queue,
            max_workers=route.workers,
            ack_policy=AckPolicy.MANUAL,
            decoder=undecoded,
            no_reply=True,
            include_in_schema=False,
        )
        subscriber(consume)
        self._queues.append(route.queue)

    def _supervised(self) -> list[asyncio.Task[None]]:
        return [
            asyncio.create_task(self._start_broker(), name="bus supervisor"),
            every(LOOK_SECONDS, self._look_at_subscriptions, "bus subscriptions"),
        ]

    async def _end(self) -> None:
        await self._relay.end(RELAY_SECONDS)
        await self.broker.stop()
        if self._looking:
            await asyncio.wait([self._looking], timeout=LOOK_END_SECONDS)
            self._looking.cancel()

    def consuming(self) -> bool:
        return self._started.is_set() and self.broker.consuming

    async def _send(self, claimed: Claimed) -> None:
        """Publish one message and wait until Service Bus has stored it; raises `SendError`."""
        headers: dict[str, Any] = dict(claimed.headers)
        if claimed.attempt:
            headers[amqp.ATTEMPT] = str(claimed.attempt)
        try:
            await self.broker.publish(
                claimed.body,
                claimed.route or "",
                topic="" if claimed.route else entities.TOPIC,
                headers=headers,
                correlation_id=headers.get("ce-correlationid"),
                message_id=amqp.broker_message_id(claimed.message_id, claimed.attempt),
                subject=claimed.type,
                timeout=CONFIRM_SECONDS,
            )
        except Exception as error:
            raise _refused(error, claimed.route or entities.TOPIC) from error

    async def _start_broker(self) -> None:
        """Start the broker as often as needed; once started it reconnects by itself."""
        pause = FIRST_PAUSE_SECONDS
        while not self._started.is_set():
            try:
                await self.broker.start()
            except Exception as error:  # noqa: BLE001 - told, and tried again
                self._standing.tell("broker", _sentence(error))
                tell(
                    logger,
                    "cannot consume from Service Bus: did certifyclouds migrate run with this"
                    " BUS_URL?",
                    error,
                )
                await asyncio.sleep(pause)
                pause = min(pause * 2, LAST_PAUSE_SECONDS)
            else:
                self._standing.clear("broker")
                self._started.set()

    async def _look_at_subscriptions(self) -> None:
        """Tell health when what is published no longer comes into our queues."""
        await self._started.wait()
        await asyncio.sleep(SETTLE_SECONDS)
        # A stop lets it end: a connection that is cut off while it opens stays behind.
        self._looking = asyncio.create_task(self._passed_by(), name="bus subscriptions looked at")
        passed_by = await asyncio.shield(self._looking)
        if passed_by:
            self._standing.tell(
                "subscriptions",
                f"Service Bus puts no events into {', '.join(passed_by)}: the topic's subscriptions"
                " for them are gone, and what is published passes them by. Run certifyclouds"
                " migrate with this BUS_URL.",
            )
        else:
            self._standing.clear("subscriptions")

    async def _passed_by(self) -> list[str]:
        async with self._namespace.connected(retry_total=0) as connection:
            return await unreached(connection, self._queues)


def _refused(error: Exception, entity: str) -> SendError:
    """Return why the namespace did not take a message, in a word and in a sentence."""
    cause = error.__cause__ or error
    if isinstance(cause, MessagingEntityNotFoundError):
        return SendError(
            "unroutable",
            f"Service Bus has no {entity}; run certifyclouds migrate with this BUS_URL.",
        )
    reason = next((word for kind, word in _REASONS if isinstance(cause, kind)), "disconnected")
    return SendError(reason, _sentence(error))


def _sentence(error: Exception) -> str:
    """Return what to do, which only our own errors say; another's text may carry anything."""
    return str(error) if isinstance(error, CertifyCloudsError) else describe(error)


_REASONS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (ServiceBusQuotaExceededError, "refused"),
    (ServiceBusServerBusyError, "busy"),
    (ServiceBusAuthenticationError, "unauthorized"),
    (ServiceBusAuthorizationError, "unauthorized"),
)
