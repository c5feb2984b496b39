"""The shards of a scan: planned, listed, finished."""

from dataclasses import dataclass
from uuid import UUID

from shared.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """How far a shard is: each source has an outcome; nothing is left to be read of it."""

    listed: bool
    finished: bool


async def get_stage(conn: Connection, scan_id: UUID, shard_id: int) -> Stage | None:
    """Return how far a shard is, None for one that nobody planned.

    `shard_id` came from outside and may be any number.
    """
    row = await conn.fetchrow(
        """
        SELECT s.listed_at IS NOT NULL AS listed, s.finished_at IS NOT NULL AS finished
        FROM scanner.shard s WHERE s.scan_id = $1 AND s.shard_id = $2::numeric
        """,
        scan_id,
        shard_id,
    )
    return Stage(**dict(row)) if row else None


async def mark_listed(conn: Connection, scan_id: UUID, shard_id: int) -> bool:
    """Note that each source of a shard has an outcome.

    False when that was noted before, or is not so.
    """
    tag = await conn.execute(
        """
        UPDATE scanner.shard AS s SET listed_at = now()
        WHERE s.scan_id = $1 AND s.shard_id = $2 AND s.listed_at IS NULL
          AND NOT EXISTS (
              SELECT FROM scanner.scan_vault v
              WHERE v.scan_id = $1 AND v.shard_id = $2 AND v.finished_at IS NULL)
        """,
        scan_id,
        shard_id,
    )
    return tag == "UPDATE 1"


async def finish_shard(conn: Connection, scan_id: UUID, shard_id: int) -> bool:
    """Mark a shard as done if each of its sources is; False when one is still to be looked at."""
    tag = await conn.execute(
        """
        UPDATE scanner.shard AS s SET finished_at = coalesce(s.finished_at, now())
        WHERE s.scan_id = $1 AND s.shard_id = $2
          AND NOT EXISTS (
              SELECT FROM scanner.scan_vault v
              WHERE v.scan_id = $1 AND v.shard_id = $2 AND v.finished_at IS NULL)
        """,
        scan_id,
        shard_id,
    )
    return tag == "UPDATE 1"


async def list_unlisted_shards(conn: Connection, scan_id: UUID) -> list[int]:
    """Return the shards of a scan that have sources without an outcome, as far as is noted."""
    rows = await conn.fetch(
        """
        SELECT s.shard_id FROM scanner.shard s
        WHERE s.scan_id = $1 AND s.listed_at IS NULL AND s.finished_at IS NULL
        ORDER BY s.shard_id
        """,
        scan_id,
    )
    return [row["shard_id"] for row in rows]


async def list_unfinished_shards(conn: Connection, scan_id: UUID) -> list[int]:
    """Return the shards of a scan that are not done."""
    rows = await conn.fetch(
        """
        SELECT s.shard_id FROM scanner.shard s
        WHERE s.scan_id = $1 AND s.finished_at IS NULL
        ORDER BY s.shard_id
        """,
        scan_id,
    )
    return [row["shard_id"] for row in rows]
