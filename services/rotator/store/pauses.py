"""The kill switch: who paused what, and since when."""

from datetime import datetime
from uuid import UUID

from services.rotator.domain.switches import Switch
from shared.database import Connection
from shared.events.rotation import PauseScope


async def list_all(conn: Connection) -> list[Switch]:
    """Return every pause that stands."""
    rows = await conn.fetch(
        "SELECT p.scope, p.target, p.paused_by, p.paused_at, p.reason FROM rotator.pause AS p"
    )
    return [
        Switch(
            scope=PauseScope(row["scope"]),
            key=row["target"],
            paused_by=row["paused_by"],
            paused_at=row["paused_at"],
            reason=row["reason"],
        )
        for row in rows
    ]


async def pause(
    conn: Connection,
    pause_id: UUID,
    scope: PauseScope,
    target: str,
    *,
    paused_by: str,
    reason: str,
    asked_at: datetime,
) -> bool:
    """Hold what the scope names; False if it is held already, or a later request said otherwise."""
    return await _switch(conn, scope, target, asked_at) and bool(
        await conn.fetchval(
            """
            INSERT INTO rotator.pause (id, scope, target, reason, paused_by)
            VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (scope, target) DO NOTHING
            RETURNING true
            """,
            *(pause_id, scope, target, reason, paused_by),
        )
    )


async def resume(conn: Connection, scope: PauseScope, target: str, *, asked_at: datetime) -> bool:
    """Let go what the scope names, at once; False if nothing was held."""
    if not await _switch(conn, scope, target, asked_at):
        return False
    gone = await conn.fetchval(
        "DELETE FROM rotator.pause WHERE scope = $1 AND target = $2 RETURNING true", scope, target
    )
    return bool(gone)


async def _switch(conn: Connection, scope: PauseScope, target: str, asked_at: datetime) -> bool:
    """Note when this scope was switched last; False if that was later than this request."""
    noted = await conn.fetchval(
        """
        INSERT INTO rotator.pause_switch AS s (scope, target, asked_at) VALUES ($1, $2, $3)
        ON CONFLICT (scope, target) DO UPDATE SET asked_at = excluded.asked_at
         WHERE s.asked_at < excluded.asked_at
        RETURNING true
        """,
        *(scope, target, asked_at),
    )
    return bool(noted)
