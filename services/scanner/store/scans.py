"""Scans, from the request to the result."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from services.scanner.domain.outcome import Conclusion, Tally
from services.scanner.domain.sharding import Shard
from shared.database import Connection
from shared.events.scanning import ScanMode


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """A scan as far as deciding about it needs; `resumed` counts the watchdog's attempts."""

    id: UUID
    mode: ScanMode
    state: str
    subscription_ids: tuple[str, ...]
    requested_by: str
    correlation_id: UUID
    notes: tuple[str, ...] = ()
    resumed: int = 0
    selector: str = ""
    schedule_id: UUID | None = None


REQUESTED: Final = "requested"
RUNNING: Final = "running"
COMPLETED: Final = "completed"


async def add_scan(conn: Connection, scan: Scan, requested_at: datetime) -> bool:
    """Add a scan; False when it is known already. A sender's clock that is ahead is cut to ours."""
    added = await conn.fetchval(
        """
        INSERT INTO scanner.scan (
            id, mode, subscription_ids, requested_by, correlation_id, requested_at, state, selector,
            schedule_id)
        VALUES ($1, $2, $3, $4, $5, least($6, now()), $7, $8, $9)
        ON CONFLICT (id) DO NOTHING
        RETURNING true
        """,
        scan.id,
        scan.mode.value,
        scan.subscription_ids,
        scan.requested_by,
        scan.correlation_id,
        requested_at,
        scan.state,
        scan.selector,
        scan.schedule_id,
    )
    return added is True


async def any_scan(conn: Connection) -> bool:
    """Whether a scan was ever asked for."""
    found: bool = await conn.fetchval("SELECT EXISTS (SELECT FROM scanner.scan)")
    return found


async def get_scan(conn: Connection, scan_id: UUID) -> Scan | None:
    """Return a scan, or None for one that was never heard of."""
    row = await conn.fetchrow(
        """
        SELECT s.id, s.mode, s.state, s.subscription_ids, s.requested_by, s.correlation_id,
               s.notes, s.resumed, s.selector, s.schedule_id
        FROM scanner.scan s WHERE s.id = $1
        """,
        scan_id,
    )
    return _scan(row) if row else None


async def lock_scan(conn: Connection, scan_id: UUID) -> Scan | None:
    """Return a scan and keep others from deciding about it until the transaction ends."""
    row = await conn.fetchrow(
        """
        SELECT s.id, s.mode, s.state, s.subscription_ids, s.requested_by, s.correlation_id,
               s.notes, s.resumed, s.selector, s.schedule_id
        FROM scanner.scan s WHERE s.id = $1
        FOR NO KEY UPDATE
        """,
        scan_id,
    )
    return _scan(row) if row else None


async def add_plan(
    conn: Connection,
    scan_id: UUID,
    shards: Sequence[Shard],
    notes: Sequence[str],
    *,
    excluded: int = 0,
) -> None:
    """Add a scan's shards with their sources; the scan runs from now on."""
    await conn.execute(
        """
        UPDATE scanner.scan SET state = 'running', notes = $2, excluded = $3, progress_at = now()
        WHERE id = $1
        """,
        scan_id,
        notes,
        excluded,
    )
    await conn.execute(
        """
        INSERT INTO scanner.shard (scan_id, shard_id, subscription_id, region)
        SELECT $1, s.shard_id, s.subscription_id, s.region
        FROM unnest($2::integer[], $3::text[], $4::text[]) AS s (shard_id, subscription_id, region)
        """,
        scan_id,
        [shard.shard_id for shard in shards],
        [shard.subscription_id for shard in shards],
        [shard.region for shard in shards],
    )
    placed = [(shard.shard_id, source) for shard in shards for source in shard.sources]
    await conn.execute(
        """
        INSERT INTO scanner.scan_vault (scan_id, shard_id, vault_id, presence)
        SELECT $1, s.shard_id, s.vault_id, s.presence
        FROM unnest($2::integer[], $3::integer[], $4::text[]) AS s (shard_id, vault_id, presence)
        """,
        scan_id,
        [shard_id for shard_id, _ in placed],
        [source.vault_id for _, source in placed],
        [source.presence.value for _, source in placed],
    )


async def get_tally(conn: Connection, scan_id: UUID) -> Tally:
    """Return the sums over a scan's sources."""
    row = await conn.fetchrow(
        """
        SELECT count(*) AS vaults,
               count(*) FILTER (WHERE v.outcome IS DISTINCT FROM 'ok') AS unreadable,
               coalesce(sum(v.items), 0)::bigint AS items,
               coalesce(sum(v.added), 0)::bigint AS added,
               coalesce(sum(v.changed), 0)::bigint AS changed,
               coalesce(sum(v.removed), 0)::bigint AS removed
        FROM scanner.scan_vault v WHERE v.scan_id = $1
        """,
        scan_id,
    )
    return Tally(**dict(row)) if row else Tally()


async def save_conclusion(
    conn: Connection, scan_id: UUID, tally: Tally, conclusion: Conclusion
) -> float:
    """End a scan and return how many seconds it took."""
    seconds: float = await conn.fetchval(
        """
        UPDATE scanner.scan
           SET state = 'completed', completed_at = now(), progress_at = now(), outcome = $2,
               error = $3, vaults = $4, unreadable = $5, items = $6, added = $7, changed = $8,
               removed = $9
         WHERE id = $1
        RETURNING extract(epoch FROM now() - started_at)::float8
        """,
        scan_id,
        conclusion.outcome.value,
        conclusion.error,
        tally.vaults,
        tally.unreadable,
        tally.items,
        tally.added,
        tally.changed,
        tally.removed,
    )
    return seconds


async def claim_stale(conn: Connection, *, after_seconds: float, limit: int) -> list[Scan]:
    """Return unfinished scans about which nothing was done for a while, and count the attempt."""
    rows = await conn.fetch(
        """
        UPDATE scanner.scan AS s SET resumed = s.resumed + 1, progress_at = now()
        WHERE s.id IN (
            SELECT c.id FROM scanner.scan c
            WHERE c.state <> 'completed'
              AND c.progress_at < now() - make_interval(secs => $1)
              AND NOT EXISTS (
                  SELECT FROM scanner.scan_vault v
                  WHERE v.scan_id = c.id
                    AND v.progress_at >= now() - make_interval(secs => $1))
            ORDER BY c.progress_at
            LIMIT $2
            FOR NO KEY UPDATE SKIP LOCKED)
        RETURNING s.id, s.mode, s.state, s.subscription_ids, s.requested_by, s.correlation_id,
                  s.notes, s.resumed, s.selector, s.schedule_id
        """,
        after_seconds,
        limit,
    )
    return [_scan(row) for row in rows]


def _scan(row: asyncpg.Record) -> Scan:
    return Scan(
        id=row["id"],
        mode=ScanMode(row["mode"]),
        state=row["state"],
        subscription_ids=tuple(row["subscription_ids"]),
        requested_by=row["requested_by"],
        correlation_id=row["correlation_id"],
        notes=tuple(row["notes"]),
        resumed=row["resumed"],
        selector=row["selector"],
        schedule_id=row["schedule_id"],
    )
