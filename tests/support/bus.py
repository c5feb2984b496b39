"""What the bus's tests share: a database, a broker, services on both, and events to send."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Self
from uuid import UUID, uuid4

import aio_pika
import orjson
from aiormq.exceptions import ChannelNotFoundEntity
from prometheus_client import CollectorRegistry

from shared.bus import Bus, Message, Retry, topology
from shared.bus.amqp import arguments
from shared.bus.broker.servicebus.envelope import Envelope
from shared.bus.ops import DeadLetter, Operator
from shared.bus.servicebus.namespace import Namespace
from shared.bus_url import RABBITMQ, SERVICE_BUS, kind_of
from shared.clock import utc_now
from shared.database import Pool
from shared.events import (
    CredentialRef,
    Event,
    ItemKind,
    ScanRequested,
    SecretExpiring,
    VaultScanned,
)
from shared.events.scanning import ScanMode, VaultOutcome
from tests.support.database import Database
from tests.support.waiting import eventually

until = partial(eventually, seconds=20, pause=0.02)
# The shortest that Service Bus knows; `switch` makes it what the topology says.
SHORTEST_LOCK = timedelta(seconds=5)
QUICK = Retry(attempts=3, transient_attempts=3, base=0.05, cap=0.2)


def a_scan_request(scan_id: UUID | None = None, by: str = "a test") -> ScanRequested:
    return ScanRequested(scan_id=scan_id or uuid4(), mode=ScanMode.FULL, requested_by=by)


def a_scanned_vault(vault_id: int = 1) -> VaultScanned:
    return VaultScanned(
        scan_id=uuid4(), vault_id=vault_id, vault_name="kv-pay", outcome=VaultOutcome.OK, items=3
    )


def an_expiring_secret(item_id: int, at: datetime) -> SecretExpiring:
    credential = CredentialRef(
        item_id=item_id, kind=ItemKind.SECRET, name="db-password", container="kv-pay"
    )
    return SecretExpiring(credential=credential, expires_on=at, threshold_days=7, status="critical")


def a_message(message_id: UUID | None = None, *, attempt: int = 0) -> Message:
    event_id = message_id or uuid4()
    return Message(
        id=event_id,
        type=ScanRequested.type,
        source="gateway",
        time=utc_now(),
        correlation_id=event_id,
        causation_id=None,
        attempt=attempt,
        queue=topology.queue_name("scanner", ScanRequested),
    )


@dataclass
class Seen:
    """A handler that remembers what it got, and fails as told."""

    fail: Callable[[Message], None] = field(default=lambda _: None)
    events: list[Any] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)

    async def __call__(self, event: Any, message: Message) -> None:
        self.events.append(event)
        self.messages.append(message)
        self.fail(message)


@dataclass
class Rig:
    """One test's database and the bus that `url` names on top of it.

    `lose_locks` ends what a killed process holds, where the bus does not notice its death.
    """

    database: Database
    url: str
    stack: AsyncExitStack
    pools: dict[str, Pool] = field(default_factory=dict)
    lose_locks: Callable[[], None] = lambda: None

    @classmethod
    @asynccontextmanager
    async def opened(cls, database: Database, url: str = "") -> AsyncIterator[Self]:
        """Yield a rig and close its pools afterwards."""
        async with AsyncExitStack() as stack:
            yield cls(database, url, stack)

    async def pool(self, role: str) -> Pool:
        if role not in self.pools:
            context = self.database.pool(role, max_size=8)
            self.pools[role] = await self.stack.enter_async_context(context)
        return self.pools[role]

    async def switch(self, url: str, previous: str | None = None) -> None:
        """Do what `certifyclouds migrate` does for the bus."""
        async with self.database.connection() as conn:
            await conn.execute("SET ROLE bus_owner")
            await topology.create(conn, url, previous)
        self.url = url

    async def make(self, service: str, **options: Any) -> Bus:
        options.setdefault("registry", CollectorRegistry())
        options.setdefault("poll_seconds", 1.0)
        return Bus(self.url, service=service, pool=await self.pool(service), **options)

    @asynccontextmanager
    async def consumer(
        self,
        service: str,
        event: type[Event],
        handler: Callable[[Any, Message], Awaitable[None]],
        *,
        workers: int = 1,
        retry: Retry = QUICK,
        **options: Any,
    ) -> AsyncIterator[Bus]:
        """Run one service with one handler."""
        bus = await self.make(service, **options)
        bus.on(event, workers=workers, retry=retry)(handler)
        async with self.running(bus):
            yield bus

    @asynccontextmanager
    async def running(self, *buses: Bus) -> AsyncIterator[None]:
        """Start buses and stop them; a publisher's relay runs only while it does."""
        async with AsyncExitStack() as stack:
            for bus in buses:
                await bus.start()
                stack.push_async_callback(bus.stop)
            yield

    async def emit(self, service: str, *events: Event, **options: Any) -> list[UUID]:
        """Emit from a service's transaction without its bus running."""
        pool = await self.pool(service)
        bus = await self.make(service)
        async with pool.transaction() as conn:
            return [await bus.emit(event, connection=conn, **options) for event in events]

    async def inject(
        self, queue: str, body: bytes, headers: dict[str, str], *, notify: bool = True
    ) -> None:
        """Put a message straight into a queue, past every check of `emit`."""
        if kind_of(self.url) == RABBITMQ:
            await inject_rabbit(self.url, queue, body, headers)
            return
        if kind_of(self.url) == SERVICE_BUS:
            await inject_service_bus(self.url, queue, body, headers)
            return
        async with self.database.connection() as conn, conn.transaction():
            message_id = uuid4()
            await conn.execute(
                "INSERT INTO bus.message (id, type, headers, body)"
                " VALUES ($1, $2, $3::text::jsonb, $4)",
                message_id,
                headers.get("ce-type", "unknown"),
                orjson.dumps(headers).decode(),
                body,
            )
            await conn.execute(
                "INSERT INTO bus.delivery (queue, message_id, visible_at) VALUES ($1, $2, now())",
                queue,
                message_id,
            )
            if notify:
                await conn.execute("SELECT pg_notify('bus', $1)", queue)

    async def shorten_locks(self) -> float:
        """Let what is handled be locked for a moment only; return its seconds."""
        if kind_of(self.url) != SERVICE_BUS:
            return 1.0
        async with Namespace.of(self.url).administered() as client:
            async for queue in client.list_queues():
                queue.lock_duration = SHORTEST_LOCK
                await client.update_queue(queue)
        return SHORTEST_LOCK.total_seconds()

    async def operator(self) -> Operator:
        return (await self.make("gateway")).operator

    async def dead_letters(self, queue: str | None = None) -> list[DeadLetter]:
        return await (await self.operator()).dead_letters(queue)

    async def left(self) -> int:
        """Return how many messages are in the outbox, the queues and the retry queues."""
        depths = await (await self.operator()).depths()
        return sum(depth.ready + depth.delayed + (depth.in_flight or 0) for depth in depths)


def valid_headers(event: Event, **changes: str) -> dict[str, str]:
    event_id = str(uuid4())
    headers = {
        "ce-specversion": "1.0",
        "ce-id": event_id,
        "ce-type": event.type,
        "ce-source": "gateway",
        "ce-time": "2026-11-23T12:00:00+00:00",
        "ce-correlationid": event_id,
    }
    return {**headers, **changes}


async def inject_rabbit(url: str, queue: str, body: bytes, headers: dict[str, str]) -> None:
    connection = await aio_pika.connect(url)
    async with connection:
        channel = await connection.channel()
        message = aio_pika.Message(
            body, headers={**headers}, delivery_mode=aio_pika.DeliveryMode.PERSISTENT
        )
        await channel.default_exchange.publish(message, queue, mandatory=True)


async def inject_service_bus(url: str, queue: str, body: bytes, headers: dict[str, str]) -> None:
    async with Namespace.of(url).connected() as connection:
        await connection.sender(queue).send(
            Envelope(body=body, headers=headers, message_id=str(uuid4()))
        )


async def empty_service_bus(url: str) -> None:
    """Receive what is in the topology's queues: tests do not see each other's messages."""
    async with Namespace.of(url).administered() as client:
        async for queue in client.list_queues_runtime_properties():
            if queue.total_message_count:
                properties = await client.get_queue(queue.name)
                await client.delete_queue(queue.name)
                await client.create_queue(
                    queue.name,
                    requires_duplicate_detection=properties.requires_duplicate_detection,
                    lock_duration=properties.lock_duration,
                    max_delivery_count=properties.max_delivery_count,
                    max_size_in_megabytes=properties.max_size_in_megabytes,
                )


async def empty_database(database: Database) -> None:
    """Forget every message, and what tests made beside the bus."""
    inboxes = ", ".join(f"{service}.inbox" for service in topology.SUBSCRIPTIONS)
    async with database.connection() as conn:
        await conn.execute(
            "TRUNCATE bus.message, bus.delivery, bus.dead_letter, bus.heartbeat, bus.backend,"
            f" {inboxes}"
        )
        await conn.execute("DROP TABLE IF EXISTS scanner.effect")


async def empty_rabbit(url: str) -> None:
    """Purge what there is of the topology's queues: tests do not see each other's messages."""
    connection = await aio_pika.connect(url)
    async with connection:
        for name in (name for queue in topology.queues() for name in arguments(queue)):
            channel = await connection.channel()  # asking for a queue that is not there closes it
            with suppress(ChannelNotFoundEntity):
                declared = await channel.declare_queue(name, durable=True, passive=True)
                if declared.declaration_result.message_count:
                    await declared.purge()
                await channel.close()
