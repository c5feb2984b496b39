"""What was asked for here: scans, and answers that are given again for the same key."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.database import Connection, Pool
from shared.events import ScanRequested


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """An earlier request with the same Idempotency-Key, and its answer."""

    request: bytes
    location: str | None
    answer: dict[str, Any]


async def add_scan_request(conn: Connection, asked: ScanRequested, at: datetime) -> None:
    await conn.execute(
        """
        INSERT INTO gateway.scan_request (
               id, mode, subscription_ids, requested_by, requested_at, selector)
        VALUES ($1, $2, $3, $4, $5, $6)
        """,
        asked.scan_id,
        asked.mode,
        list(asked.subscription_ids),
        asked.requested_by,
        at,
        asked.selector,
    )


async def get_time(conn: Connection) -> datetime:
    """Return the transaction's time by the database's clock."""
    now: datetime = await conn.fetchval("SELECT now()")
    return now


async def claim_key(
    conn: Connection, user_id: UUID, key: str, request: bytes, at: datetime
) -> Answered | None:
    """Claim a key for this transaction, or return what was answered under it before.

    A second request with the same key waits here until the first has committed.
    """
    claimed = await conn.fetchval(
        """
        INSERT INTO gateway.idempotency (user_id, key, request, answer, created_at)
        VALUES ($1, $2, $3, '{}', $4)
            ON CONFLICT DO NOTHING
        RETURNING true
        """,
        user_id,
        key,
        request,
        at,
    )
    if claimed:
        return None
    row = await conn.fetchrow(
        """
        SELECT request, location, answer
          FROM gateway.idempotency
         WHERE user_id = $1 AND key = $2
        """,
        user_id,
        key,
    )
    return Answered(**row) if row else None


async def save_answer(
    conn: Connection, user_id: UUID, key: str, *, location: str, answer: dict[str, Any]
) -> None:
    await conn.execute(
        """
        UPDATE gateway.idempotency SET location = $3, answer = $4
         WHERE user_id = $1 AND key = $2
        """,
        user_id,
        key,
        location,
        answer,
    )


async def forget_requests(pool: Pool, *, keys_before: datetime, scans_before: datetime) -> None:
    """Delete old keys, and scan requests that the scanner has long had."""
    await pool.execute("DELETE FROM gateway.idempotency WHERE created_at < $1", keys_before)
    await pool.execute("DELETE FROM gateway.scan_request WHERE requested_at < $1", scans_before)
