"""Schedules of scans: as the scanner has them, or as they were last asked for here."""

from uuid import UUID

from asyncpg import Record

from shared.database import Pool


async def list_schedules(pool: Pool, schedule_id: UUID | None = None) -> list[Record]:
    """Return the schedules, or the one with this id; what was asked for here shows at once."""
    return await pool.fetch(
        """
        SELECT x.id, x.revision, x.state, x.name, x.cron, x.time_zone, x.mode, x.subscription_ids,
               x.selector, x.jitter_seconds, x.enabled, x.requested_by, x.next_at, x.last_at,
               x.last_scan_id, x.last_note
          FROM (
               SELECT s.id, s.revision, 'active' AS state, s.name, s.cron, s.time_zone, s.mode,
                      s.subscription_ids, s.selector, s.jitter_seconds, s.enabled, s.requested_by,
                      s.next_at, s.last_at, s.last_scan_id, s.last_note
                 FROM scanner.v_schedule AS s
                WHERE s.removed_at IS NULL
                  AND NOT EXISTS (SELECT 1 FROM gateway.schedule_request AS r
                                   WHERE r.id = s.id AND r.revision > s.revision)
               UNION ALL
               SELECT r.id, r.revision, 'requested', r.name, r.cron, r.time_zone, r.mode,
                      r.subscription_ids, r.selector, r.jitter_seconds, r.enabled, r.requested_by,
                      NULL, NULL, NULL, NULL
                 FROM gateway.schedule_request AS r
                WHERE NOT r.removed
                  AND NOT EXISTS (SELECT 1 FROM scanner.v_schedule AS s
                                   WHERE s.id = r.id AND s.revision >= r.revision)
               ) AS x
         WHERE $1::uuid IS NULL OR x.id = $1::uuid
         ORDER BY x.name, x.id
        """,
        schedule_id,
    )
