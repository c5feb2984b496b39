"""What was last asked for each schedule."""

from datetime import datetime
from uuid import UUID

from shared.database import Connection
from shared.events import ScanScheduleRequested


async def next_revision(conn: Connection, schedule_id: UUID) -> int:
    """Return the number of a schedule's next change; others that change it wait until the end."""
    await conn.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 6))", str(schedule_id))
    revision: int = await conn.fetchval(
        """
        SELECT 1 + greatest(
            coalesce((SELECT s.revision FROM scanner.v_schedule AS s WHERE s.id = $1), 0),
            coalesce((SELECT r.revision FROM gateway.schedule_request AS r WHERE r.id = $1), 0))
        """,
        schedule_id,
    )
    return revision


async def save_request(conn: Connection, asked: ScanScheduleRequested, at: datetime) -> None:
    """Keep what was asked, in place of what was asked before."""
    await conn.execute(
        """
        INSERT INTO gateway.schedule_request (
               id, revision, removed, name, cron, time_zone, mode, subscription_ids, selector,
               jitter_seconds, enabled, requested_by, requested_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
            ON CONFLICT (id) DO UPDATE SET
               revision = excluded.revision, removed = excluded.removed, name = excluded.name,
               cron = excluded.cron, time_zone = excluded.time_zone, mode = excluded.mode,
               subscription_ids = excluded.subscription_ids, selector = excluded.selector,
               jitter_seconds = excluded.jitter_seconds, enabled = excluded.enabled,
               requested_by = excluded.requested_by, requested_at = excluded.requested_at
        """,
        asked.schedule_id,
        asked.revision,
        asked.removed,
        asked.name,
        asked.cron,
        asked.time_zone,
        asked.mode,
        list(asked.subscription_ids),
        asked.selector,
        asked.jitter_seconds,
        asked.enabled,
        asked.requested_by,
        at,
    )
