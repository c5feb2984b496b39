"""Every statement that a service sends to the bus's schema: calls of its functions, nothing else.

The functions check that the caller's login owns the queue (`migrations/0001_bus.sql`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import orjson

if TYPE_CHECKING:
    from asyncpg import Record

    from shared.database import Connection, Pool


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A delivery that is ours until its lease ends."""

    seq: int
    lease: UUID
    queue: str
    attempt: int
    message_id: UUID
    type: str
    headers: Mapping[str, str]
    body: bytes
    route: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSeen:
    """When one process of a service was last heard of."""

    service: str
    instance: str
    version: str
    seen_at: datetime
    age_seconds: float


async def publish(
    conn: Connection,
    *,
    message_id: UUID,
    wire_type: str,
    headers: Mapping[str, str],
    body: bytes,
    deliver_at: datetime | None,
) -> bool:
    """Put a message into the queues of those who hear its type; False when its id is known."""
    return bool(
        await conn.fetchval(
            "SELECT bus.publish($1, $2, $3, $4, $5)",
            message_id,
            wire_type,
            orjson.dumps(dict(headers)).decode(),
            body,
            deliver_at,
        )
    )


async def claim(
    pool: Pool, queue: str, *, limit: int, lease: UUID, seconds: float, delivery_limit: int
) -> list[Claimed]:
    """Take up to `limit` due deliveries of `queue` for `seconds`."""
    rows = await pool.fetch(
        """
        SELECT seq, attempt, message_id, type, headers, body, route
          FROM bus.claim($1, $2, $3, $4, $5)
        """,
        queue,
        limit,
        lease,
        seconds,
        delivery_limit,
    )
    return [_claimed(row, queue, lease) for row in rows]


async def turn(
    pool: Pool,
    queue: str,
    *,
    done: Sequence[Claimed],
    limit: int,
    lease: UUID,
    seconds: float,
    delivery_limit: int,
) -> tuple[set[int], list[Claimed]]:
    """Do `complete` and `claim` in one statement; returns what each of them does."""
    rows = await pool.fetch(
        """
        SELECT seq, NULL AS attempt, NULL AS message_id, NULL AS type, NULL AS headers,
               NULL AS body, NULL AS route
          FROM bus.complete($6::bigint[], $7::uuid[])
        UNION ALL
        SELECT seq, attempt, message_id, type, headers, body, route
          FROM bus.claim($1, $2, $3, $4, $5)
        """,
        queue,
        limit,
        lease,
        seconds,
        delivery_limit,
        [one.seq for one in done],
        [one.lease for one in done],
    )
    kept = {row["seq"] for row in rows if row["attempt"] is None}
    return kept, [_claimed(row, queue, lease) for row in rows if row["attempt"] is not None]


def _claimed(row: Record, queue: str, lease: UUID) -> Claimed:
    return Claimed(
        seq=row["seq"],
        lease=lease,
        queue=queue,
        attempt=row["attempt"],
        message_id=row["message_id"],
        type=row["type"],
        headers=_headers(row["headers"]),
        body=row["body"],
        route=row["route"],
    )


def _headers(written: str) -> Mapping[str, str]:
    """Return a message's headers; what is no object has none, and so is laid aside as corrupt."""
    found = orjson.loads(written)
    return found if isinstance(found, dict) else {}


async def complete(pool: Pool, claimed: Sequence[Claimed]) -> set[int]:
    """Delete what was handled; returns the deliveries that were still ours."""
    rows = await pool.fetch(
        "SELECT seq FROM bus.complete($1::bigint[], $2::uuid[])",
        [one.seq for one in claimed],
        [one.lease for one in claimed],
    )
    return {row["seq"] for row in rows}


async def retry(pool: Pool, seq: int, lease: UUID, seconds: float) -> bool:
    """Put a delivery off after a failure; False when it was no longer ours."""
    return bool(await pool.fetchval("SELECT bus.retry($1, $2, $3)", seq, lease, seconds))


async def release(pool: Pool, seqs: Sequence[int], lease: UUID, seconds: float = 0.0) -> int:
    """Give deliveries back as if they had never been taken."""
    return int(await pool.fetchval("SELECT bus.release($1, $2, $3)", seqs, lease, seconds))


async def bury(pool: Pool, seq: int, lease: UUID, reason: str, description: str) -> bool:
    """Lay a delivery aside as a dead letter; False when it was no longer ours."""
    return bool(
        await pool.fetchval("SELECT bus.bury($1, $2, $3, $4)", seq, lease, reason, description)
    )


async def renew(pool: Pool, held: Sequence[Claimed], seconds: float) -> set[int]:
    """Extend leases; returns those that are still ours."""
    rows = await pool.fetch(
        "SELECT seq FROM bus.renew($1, $2, $3)",
        [claimed.seq for claimed in held],
        [claimed.lease for claimed in held],
        seconds,
    )
    return {row["seq"] for row in rows}


async def due(pool: Pool, queues: Sequence[str]) -> dict[str, float]:
    """Return in how many seconds each queue has something to take; empty ones are left out."""
    rows = await pool.fetch("SELECT queue, seconds FROM bus.due($1)", queues)
    return {row["queue"]: row["seconds"] for row in rows}


async def waiting(pool: Pool, queues: Sequence[str]) -> tuple[int, float]:
    """Return how many messages wait to be taken, up to 100,000, and the age of the oldest in s."""
    row = await pool.fetchrow("SELECT depth, seconds FROM bus.waiting($1)", queues)
    return (row["depth"], row["seconds"]) if row else (0, 0.0)


async def collect(pool: Pool, *, keep_seconds: float, limit: int) -> int:
    """Delete messages that nobody waits for; returns how many."""
    return int(await pool.fetchval("SELECT bus.collect($1, $2)", keep_seconds, limit))


async def chosen_backend(pool: Pool) -> str | None:
    """Return the kind of bus that the last `migrate` chose, None before the first."""
    kind: str | None = await pool.fetchval("SELECT kind FROM bus.chosen_backend()")
    return kind


async def beat(pool: Pool, instance: str, version: str) -> None:
    """Say that this process is here."""
    await pool.execute("SELECT bus.beat($1, $2)", instance, version)


async def seen(pool: Pool) -> list[ServiceSeen]:
    """Return when each process was last heard of; a service's newest comes last."""
    rows = await pool.fetch(
        "SELECT service, instance, version, seen_at, age_seconds FROM bus.seen()"
    )
    return [ServiceSeen(**row) for row in rows]
