"""Schedules, and the times of theirs that were dealt with."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from shared.database import Connection
from shared.events import ScanScheduleRequested
from shared.events.scanning import ScanMode


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A schedule that is to run; `next_at` is its next time before jitter, None for a new rule."""

    id: UUID
    name: str
    cron: str
    time_zone: str
    mode: ScanMode
    subscription_ids: tuple[str, ...]
    selector: str
    jitter_seconds: int
    next_at: datetime | None
    last_scan_id: UUID | None


async def any_schedule(conn: Connection) -> bool:
    """Whether there ever was a schedule, removed ones included."""
    found: bool = await conn.fetchval("SELECT EXISTS (SELECT FROM scanner.schedule)")
    return found


async def save_schedule(conn: Connection, asked: ScanScheduleRequested) -> bool:
    """Write a schedule as it was asked for; False when a later change is known already.

    Its next time is found anew, so that a change never makes up for times of the former rule.
    """
    saved = await conn.fetchval(
        """
        INSERT INTO scanner.schedule AS known (
            id, revision, name, cron, time_zone, mode, subscription_ids, selector, jitter_seconds,
            enabled, requested_by, removed_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, CASE WHEN $12 THEN now() END)
        ON CONFLICT (id) DO UPDATE SET
            revision = excluded.revision, name = excluded.name, cron = excluded.cron,
            time_zone = excluded.time_zone, mode = excluded.mode,
            subscription_ids = excluded.subscription_ids, selector = excluded.selector,
            jitter_seconds = excluded.jitter_seconds, enabled = excluded.enabled,
            requested_by = excluded.requested_by, removed_at = excluded.removed_at,
            changed_at = now(), next_at = NULL
        WHERE known.revision < excluded.revision
        RETURNING true
        """,
        asked.schedule_id,
        asked.revision,
        asked.name,
        asked.cron,
        asked.time_zone,
        asked.mode.value,
        asked.subscription_ids,
        asked.selector,
        asked.jitter_seconds,
        asked.enabled,
        asked.requested_by,
        asked.removed,
    )
    return saved is True


async def lock_schedules(conn: Connection) -> list[Schedule]:
    """Return the schedules that are to run, and keep changes of them out until the end."""
    rows = await conn.fetch(
        """
        SELECT s.id, s.name, s.cron, s.time_zone, s.mode, s.subscription_ids, s.selector,
               s.jitter_seconds, s.next_at, s.last_scan_id
        FROM scanner.schedule s
        WHERE s.enabled AND s.removed_at IS NULL
        ORDER BY s.id
        FOR NO KEY UPDATE
        """
    )
    return [_schedule(row) for row in rows]


async def save_next(conn: Connection, schedule_id: UUID, next_at: datetime) -> None:
    """Set a schedule's next time."""
    await conn.execute(
        "UPDATE scanner.schedule SET next_at = $2 WHERE id = $1", schedule_id, next_at
    )


async def claim_time(conn: Connection, schedule_id: UUID, due: datetime, now: datetime) -> bool:
    """Take a time in hand; False when it was dealt with before, by whichever clock."""
    claimed = await conn.fetchval(
        """
        INSERT INTO scanner.schedule_run (schedule_id, due_at, at) VALUES ($1, $2, $3)
        ON CONFLICT (schedule_id, due_at) DO NOTHING
        RETURNING true
        """,
        schedule_id,
        due,
        now,
    )
    return claimed is True


async def save_run(
    conn: Connection, schedule_id: UUID, due: datetime, *, scan_id: UUID | None, note: str | None
) -> None:
    """Note what became of a time: a scan, or a sentence on why there is none."""
    await conn.execute(
        """
        UPDATE scanner.schedule_run SET scan_id = $3 WHERE schedule_id = $1 AND due_at = $2
        """,
        schedule_id,
        due,
        scan_id,
    )
    await conn.execute(
        """
        UPDATE scanner.schedule
           SET last_at = $2, last_scan_id = coalesce($3, last_scan_id), last_note = $4
         WHERE id = $1
        """,
        schedule_id,
        due,
        scan_id,
        note,
    )


def _schedule(row: asyncpg.Record) -> Schedule:
    return Schedule(
        id=row["id"],
        name=row["name"],
        cron=row["cron"],
        time_zone=row["time_zone"],
        mode=ScanMode(row["mode"]),
        subscription_ids=tuple(row["subscription_ids"]),
        selector=row["selector"],
        jitter_seconds=row["jitter_seconds"],
        next_at=row["next_at"],
        last_scan_id=row["last_scan_id"],
    )
