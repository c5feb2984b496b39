"""Changing what carries the events, without losing one.

The change is one transaction in the database. It locks the table of subscriptions: it waits for
every transaction that publishes, and they wait for its end, so that each event goes entirely the
old way or entirely the new one. Only then is the old RabbitMQ emptied, so that nothing can arrive
there unseen; and only after the commit does it let go of its messages.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from shared.bus import amqp, draining
from shared.bus.servicebus import administration
from shared.bus.servicebus import draining as servicebus_draining
from shared.bus.servicebus.namespace import Namespace
from shared.bus.waiting import Drain, Waiting
from shared.bus_url import EMBEDDED, RABBITMQ, SERVICE_BUS, address_of, kind_of
from shared.errors import SettingsError
from shared.telemetry import get_logger

if TYPE_CHECKING:
    from shared.database import Connection

DISCARD: Final = "discard"
# A service that has not beaten for so long has ended (it beats every five seconds).
SILENT_SECONDS: Final = 15.0
_NAMES: Final = {RABBITMQ: "RabbitMQ", SERVICE_BUS: "Service Bus"}

logger = get_logger(__name__)


async def switch(
    conn: Connection, queues: Mapping[str, str], url: str, previous_url: str | None
) -> None:
    """Make `queues` on the bus at `url` and take along what waits on the one chosen before."""
    chosen = await conn.fetchrow("SELECT kind, address FROM bus.backend")
    rows = await conn.fetch("SELECT queue, type FROM bus.subscription")
    known = {row["queue"]: row["type"] for row in rows}
    removed = {queue: kind for queue, kind in known.items() if queue not in queues}
    target = kind_of(url), address_of(url)
    moved = chosen is not None and (chosen["kind"], chosen["address"]) != target
    source = None
    if chosen is not None and moved and chosen["kind"] != EMBEDDED:
        source = _previous(previous_url, chosen["kind"], chosen["address"])
    await _declare(url, queues, removed)
    if chosen is not None and not moved and known == dict(queues):
        return
    if source and chosen and chosen["kind"] == SERVICE_BUS:
        await _ensure_nobody_is_here(conn)
    async with _draining(source, {**known, **queues}) as drain:
        async with conn.transaction():
            await _change(conn, queues, target, drain)
            await _bury_unsubscribed(conn, list(removed))
        if drain and conn.is_in_transaction():
            # Our part is not committed yet, so the old server must keep its copies.
            logger.warning("the old bus keeps copies of the events that were taken along")
        elif drain:
            await drain.settle()


async def _declare(url: str, queues: Mapping[str, str], removed: Mapping[str, str]) -> None:
    """Make the queues where they are not in the database."""
    if kind_of(url) == RABBITMQ:
        await amqp.declare(url, queues, removed)
    elif kind_of(url) == SERVICE_BUS:
        async with Namespace.of(url).administered() as client:
            await administration.declare(client, queues, removed)


@asynccontextmanager
async def _draining(url: str | None, queues: Mapping[str, str]) -> AsyncIterator[Drain | None]:
    """Open the bus that is being left; None where there is none to drain."""
    if url is None:
        yield None
    elif kind_of(url) == RABBITMQ:
        async with draining.draining(url, queues) as rabbit:
            yield rabbit
    else:
        async with servicebus_draining.draining(url, queues) as service_bus:
            yield service_bus


def _previous(previous_url: str | None, kind: str, address: str) -> str | None:
    """Return the URL to drain, None where the operator gave up what is there."""
    if previous_url == DISCARD:
        return None
    if not previous_url or (kind_of(previous_url), address_of(previous_url)) != (kind, address):
        raise SettingsError(
            f"Events may wait on {_NAMES[kind]} at {address}. Set BUS_URL_PREVIOUS to its URL, so"
            f" that they are taken along, or to the word {DISCARD} if that server is gone for good."
        )
    return previous_url


async def _ensure_nobody_is_here(conn: Connection) -> None:
    """Raise `SettingsError` while services run: Service Bus does not tell who consumes."""
    seconds = await conn.fetchval(
        "SELECT extract(epoch FROM now() - max(seen_at)) FROM bus.heartbeat"
    )
    if seconds is not None and seconds < SILENT_SECONDS:
        raise SettingsError(
            "Services still run on the Service Bus namespace that is being left. Stop them, wait"
            f" {SILENT_SECONDS:.0f} seconds, run certifyclouds migrate again, then start them."
        )


async def _change(
    conn: Connection, queues: Mapping[str, str], target: tuple[str, str], drain: Drain | None
) -> None:
    await conn.execute("SET LOCAL lock_timeout = '60s'")
    await conn.execute("LOCK TABLE bus.subscription IN ACCESS EXCLUSIVE MODE")
    await _subscribe(conn, queues)
    await conn.execute(
        """
        INSERT INTO bus.backend (kind, address) VALUES ($1, $2)
        ON CONFLICT (only_row) DO UPDATE
           SET kind = excluded.kind, address = excluded.address, chosen_at = now()
         WHERE (backend.kind, backend.address) <> (excluded.kind, excluded.address)
        """,
        *target,
    )
    if target[0] == EMBEDDED:
        await _from_relay(conn)
    else:
        await _to_relay(conn)
    if drain:
        async for waiting in drain.messages():
            await _take_over(conn, waiting, through_relay=target[0] != EMBEDDED)


async def _subscribe(conn: Connection, queues: Mapping[str, str]) -> None:
    await conn.execute("DELETE FROM bus.subscription WHERE queue <> ALL ($1)", list(queues))
    await conn.execute(
        """
        INSERT INTO bus.subscription (queue, type) SELECT queue, type
          FROM unnest($1::text[], $2::text[]) AS wanted (queue, type)
        ON CONFLICT (queue) DO UPDATE SET type = excluded.type
        """,
        list(queues),
        list(queues.values()),
    )


async def _to_relay(conn: Connection) -> None:
    """Address what waits in the database's queues to the same queues on the broker.

    A delivery under a lease keeps it: its handler may still finish, or it is relayed later.
    """
    await conn.execute(
        "UPDATE bus.delivery SET route = queue, queue = 'relay' WHERE queue <> 'relay'"
    )


async def _from_relay(conn: Connection) -> None:
    """Put what waits for the relay into the queues of the database."""
    await conn.execute(
        """
        INSERT INTO bus.delivery (queue, message_id, visible_at, attempt)
        SELECT coalesce(d.route, s.queue), d.message_id,
               CASE WHEN d.lease IS NULL THEN d.visible_at ELSE now() END, d.attempt
          FROM bus.delivery d
          JOIN bus.message m ON m.id = d.message_id
          LEFT JOIN bus.subscription s ON s.type = m.type AND d.route IS NULL
         WHERE d.queue = 'relay' AND coalesce(d.route, s.queue) IS NOT NULL
        """
    )
    await conn.execute("DELETE FROM bus.delivery WHERE queue = 'relay'")


async def _take_over(conn: Connection, waiting: Waiting, *, through_relay: bool) -> None:
    """Store one message of the old broker in the database: a delivery, or a dead letter."""
    if waiting.dead:
        await conn.execute(
            """
            INSERT INTO bus.dead_letter
                (queue, message_id, type, headers, body, attempts, reason, description)
            VALUES ($1, $2, $3, $4::text::jsonb, $5, $6, $7, $8)
            """,
            waiting.queue,
            waiting.message_id,
            waiting.type,
            waiting.headers,
            waiting.body,
            waiting.attempt,
            waiting.dead.reason,
            waiting.dead.description,
        )
        return
    await conn.execute(
        """
        INSERT INTO bus.message (id, type, headers, body) VALUES ($1, $2, $3::text::jsonb, $4)
        ON CONFLICT (id) DO UPDATE SET created_at = now()
        """,
        waiting.message_id,
        waiting.type,
        waiting.headers,
        waiting.body,
    )
    await conn.execute(
        """
        INSERT INTO bus.delivery (queue, route, message_id, attempt, visible_at)
        VALUES ($1, $2, $3, $4, now() + make_interval(secs => $5))
        """,
        "relay" if through_relay else waiting.queue,
        waiting.queue if through_relay else None,
        waiting.message_id,
        waiting.attempt,
        waiting.delay_seconds,
    )


async def _bury_unsubscribed(conn: Connection, removed: list[str]) -> None:
    """Keep what waits in queues that nobody reads any more where a person finds it."""
    await conn.execute(
        """
        WITH gone AS (
            DELETE FROM bus.delivery d WHERE coalesce(d.route, d.queue) = ANY ($1)
            RETURNING coalesce(d.route, d.queue) AS queue, d.message_id, d.attempt
        )
        INSERT INTO bus.dead_letter
            (queue, message_id, type, headers, body, attempts, reason, description)
        SELECT g.queue, m.id, m.type, m.headers, m.body, g.attempt, 'unsubscribed',
               'This release no longer reads this queue.'
          FROM gone g JOIN bus.message m ON m.id = g.message_id
        """,
        removed,
    )
