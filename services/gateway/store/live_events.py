"""Live events: rows that every replica's streams read, in the order of their commits."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from shared.database import Connection, Pool

CHANNEL: Final = "gateway_live"
PAGE: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveEvent:
    """One thing that happened; `summary` is a sentence, `data` the event from the bus."""

    id: int
    at: datetime
    type: str
    correlation_id: UUID
    summary: str
    data: dict[str, Any]


async def add_event(
    conn: Connection,
    *,
    at: datetime,
    type_: str,
    message_id: UUID,
    correlation_id: UUID,
    summary: str,
    data: dict[str, Any],
) -> int:
    """Add an event under the next number and wake every replica at commit.

    The counter's row stays locked until then: numbers become visible in their order.
    """
    number: int = await conn.fetchval("UPDATE gateway.live_head SET last = last + 1 RETURNING last")
    await conn.execute(
        """
        INSERT INTO gateway.live_event (id, at, type, message_id, correlation_id, summary, data)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        """,
        number,
        at,
        type_,
        message_id,
        correlation_id,
        summary,
        data,
    )
    await wake(conn, type_)
    return number


async def wake(conn: Connection, what: str) -> None:
    """Tell every replica at commit to look; `what` is an event's type, never data."""
    await conn.execute("SELECT pg_notify($1, $2)", CHANNEL, what)


async def list_events(pool: Pool, *, after: int, limit: int = PAGE) -> list[LiveEvent]:
    """Return the events above a number, lowest first."""
    rows = await pool.fetch(
        """
        SELECT id, at, type, correlation_id, summary, data
          FROM gateway.live_event
         WHERE id > $1
         ORDER BY id
         LIMIT $2
        """,
        after,
        limit,
    )
    return [LiveEvent(**row) for row in rows]


async def known_range(pool: Pool) -> tuple[int, int]:
    """Return the number below the oldest event that is kept, and the newest number."""
    row = await pool.fetchrow(
        """
        SELECT coalesce((SELECT min(e.id) - 1 FROM gateway.live_event AS e), h.last) AS before,
               h.last
          FROM gateway.live_head AS h
        """
    )
    return (row["before"], row["last"]) if row else (0, 0)


async def delete_events(pool: Pool, *, before: datetime) -> None:
    """Forget events that nobody will ask for again."""
    await pool.execute("DELETE FROM gateway.live_event WHERE at < $1", before)
