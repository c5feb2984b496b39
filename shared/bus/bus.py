"""The facade that services use: `on` to hear events, `emit` to publish them.

Handlers are written once; the address of the bus decides what carries the events.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar
from uuid import UUID, uuid4

from asyncpg import DiskFullError
from opentelemetry import trace
from opentelemetry.propagate import inject
from opentelemetry.trace import SpanKind, TracerProvider
from prometheus_client import CollectorRegistry

from shared.bus import store
from shared.bus.backends.base import Backend
from shared.bus.backends.embedded import EmbeddedBackend
from shared.bus.backends.rabbit import RabbitBackend
from shared.bus.backends.servicebus import ServiceBusBackend
from shared.bus.dispatch import Dispatcher, Route, attributes
from shared.bus.housekeeping import housekeeping
from shared.bus.message import Message, current, write_headers
from shared.bus.metrics import Metrics
from shared.bus.ops import Operator, PostgresOperator
from shared.bus.ops_rabbit import RabbitOperator
from shared.bus.ops_servicebus import ServiceBusOperator
from shared.bus.retry import Retry
from shared.bus.standing import Standing
from shared.bus.store import ServiceSeen
from shared.bus.tasks import stop_tasks
from shared.bus.topology import SUBSCRIPTIONS, queue_name
from shared.bus.transports.postgres import LEASE_SECONDS, POLL_SECONDS, PostgresTransport
from shared.bus_url import EMBEDDED, RABBITMQ, SERVICE_BUS, kind_of
from shared.clock import utc_now
from shared.database.transient import DISK_FULL
from shared.errors import SettingsError, TransientError
from shared.events import Event
from shared.telemetry import get_logger

if TYPE_CHECKING:
    from shared.database import Connection, Pool

E = TypeVar("E", bound=Event)
HandlerOf = Callable[[E, Message], Awaitable[None]]

STOP_SECONDS: Final = 15.0
_EXTERNAL: Final[Mapping[str, type[RabbitBackend | ServiceBusBackend]]] = {
    RABBITMQ: RabbitBackend,
    SERVICE_BUS: ServiceBusBackend,
}

logger = get_logger(__name__)


class Bus:
    """One service's place on the bus.

    `url` is empty or `postgresql…` for the bus in `pool`'s database, `amqp(s)://…` for RabbitMQ,
    `Endpoint=sb://…` or `sb://…` for Service Bus. It must be the bus for which `certifyclouds
    migrate` ran last; `start` refuses to run on another.
    """

    def __init__(
        self,
        url: str,
        *,
        service: str,
        pool: Pool,
        registry: CollectorRegistry | None = None,
        tracer_provider: TracerProvider | None = None,
        stop_seconds: float = STOP_SECONDS,
        lease_seconds: float = LEASE_SECONDS,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self.service: Final = service
        self._url = url
        self._pool = pool
        self._instance = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
        self._metrics = Metrics(registry or CollectorRegistry())
        self._tracer = (tracer_provider or trace.get_tracer_provider()).get_tracer("shared.bus")
        self._standing = Standing()
        self._routes: dict[str, Route] = {}
        self._tasks: list[asyncio.Task[None]] = []
        transport = PostgresTransport(pool, lease_seconds=lease_seconds, poll_seconds=poll_seconds)
        dispatcher = Dispatcher(self._metrics, self._tracer, kind_of(url))
        self._backend: Backend = (
            EmbeddedBackend(transport, dispatcher, stop_seconds=stop_seconds)
            if kind_of(url) == EMBEDDED
            else _EXTERNAL[kind_of(url)](
                url,
                transport,
                dispatcher,
                self._metrics,
                self._standing,
                stop_seconds=stop_seconds,
            )
        )

    @property
    def broker(self) -> Any:  # noqa: ANN401 - FastStream's brokers share only a private base class
        """The FastStream broker underneath."""
        return self._backend.broker

    def on(
        self, event: type[E], *, workers: int = 1, retry: Retry | None = None
    ) -> Callable[[HandlerOf[E]], HandlerOf[E]]:
        """Decorate the handler of `event`; `workers` messages of it are handled at once.

        Raises `SettingsError` for an event to which the topology does not subscribe the service.
        """
        queue = queue_name(self.service, event)
        if event not in SUBSCRIPTIONS.get(self.service, ()):
            raise SettingsError(
                f"{self.service} does not hear {event.type}; add it to"
                " shared/bus/topology.py and run certifyclouds migrate."
            )

        def register(handler: HandlerOf[E]) -> HandlerOf[E]:
            if queue in self._routes:
                raise SettingsError(f"{queue} has a handler already; one handler serves a queue.")
            route = Route(
                queue=queue, event=event, handler=handler, workers=workers, retry=retry or Retry()
            )
            self._routes[queue] = route
            self._backend.subscribe(route)
            return handler

        return register

    async def emit(
        self,
        event: Event,
        *,
        connection: Connection,
        message_id: UUID | None = None,
        deliver_at: datetime | None = None,
        correlation_id: UUID | None = None,
    ) -> UUID:
        """Publish `event` in the transaction of `connection`; return its id.

        Nothing is published if that transaction rolls back, and an id that was published before
        changes nothing. Correlation and causation come from the message that is being handled.
        """
        cause = current.get()
        event_id = message_id or uuid4()
        message = Message(
            id=event_id,
            type=event.type,
            source=self.service,
            time=utc_now(),
            correlation_id=correlation_id or (cause.correlation_id if cause else event_id),
            causation_id=cause.id if cause else None,
            attempt=0,
            queue="",
        )
        with self._tracer.start_as_current_span(
            f"emit {event.type}",
            kind=SpanKind.PRODUCER,
            attributes=attributes(self._backend.kind, message),
            record_exception=False,
        ):
            headers = write_headers(message)
            inject(headers)
            with self._noting_a_full_disk():
                await store.publish(
                    connection,
                    message_id=event_id,
                    wire_type=event.type,
                    headers=headers,
                    body=event.model_dump_json().encode(),
                    deliver_at=deliver_at,
                )
        self._metrics.emitted.labels(event.type).inc()
        return event_id

    async def start(self) -> None:
        """Begin to consume. Raises `SettingsError` when the database chose another bus."""
        await self._check_backend()
        heard = {queue_name(self.service, event) for event in SUBSCRIPTIONS.get(self.service, ())}
        if unhandled := sorted(heard - self._routes.keys()):
            logger.warning("queues without a handler: their messages wait", queues=unhandled)
        await self._backend.start()
        self._tasks = housekeeping(self._pool, self._metrics, self._backend.outbox_queues())

    async def stop(self) -> None:
        """Finish what is being handled, give back what is not begun, and let go of the bus."""
        await self._backend.stop()
        await stop_tasks(self._tasks)
        self._tasks = []

    async def ping(self, timeout: float = 2.0) -> bool:  # noqa: ASYNC109 - a health check's own deadline
        """Say whether the broker answers within `timeout` seconds."""
        return await self._backend.ping(timeout)

    def consuming(self) -> bool:
        """Say whether every queue with a handler has a live consumer in this process."""
        return self._backend.consuming()

    def troubles(self) -> list[str]:
        """Say in sentences what is wrong while work goes on, and what to do."""
        return self._standing.troubles()

    async def lost(self) -> None:
        """Wait for the day that never comes. Raises `ConsumersLostError` when it does.

        The process should end then: consumers that stay away from a broker that answers have been
        seen to come back in a new process only.
        """
        await self._standing.lost()

    async def beat(self, version: str) -> None:
        """Tell the other services that this process is here."""
        with self._noting_a_full_disk():
            await store.beat(self._pool, self._instance, version)
        self._standing.clear("disk")

    async def services(self) -> list[ServiceSeen]:
        """Return when each process of each service was last heard of, the newest of each last."""
        return await store.seen(self._pool)

    @property
    def operator(self) -> Operator:
        """Depths and dead letters of every queue; the database lets only the gateway use it."""
        database = PostgresOperator(self._pool)
        match self._backend.kind:
            case "postgresql":
                return database
            case "rabbitmq":
                return RabbitOperator(self._url, database)
            case _:
                return ServiceBusOperator(self._url, database)

    @contextmanager
    def _noting_a_full_disk(self) -> Iterator[None]:
        """Tell health of it: reading still works then, so no other check fails."""
        try:
            yield
        except (DiskFullError, TransientError) as error:
            if isinstance(error.__cause__ or error, DiskFullError):
                self._standing.tell("disk", DISK_FULL)
            raise

    async def _check_backend(self) -> None:
        chosen = await store.chosen_backend(self._pool)
        if chosen != self._backend.kind:
            raise SettingsError(
                f"BUS_URL means {self._backend.kind}, but the database was prepared for"
                f" {chosen or 'no bus yet'}. Run certifyclouds migrate with the same BUS_URL."
            )
