"""The posture of a day: how many items of each kind and status, in each subscription."""

from datetime import date, datetime

from shared.database import Connection


async def save_posture(conn: Connection, day: date, now: datetime) -> None:
    """Write the day's posture as it is now, in place of what was written of it before.

    Days that are still to come go: a clock that was ahead left them.
    """
    await conn.execute("DELETE FROM scanner.posture_day WHERE day >= $1", day)
    await conn.execute(
        """
        INSERT INTO scanner.posture_day (
            day, subscription_id, taken_at, vaults, unreadable, excluded)
        SELECT $1, coalesce(v.subscription_id, ''), $2, count(*),
               count(*) FILTER (WHERE v.outcome IS DISTINCT FROM 'ok' AND v.excluded_at IS NULL),
               count(*) FILTER (WHERE v.excluded_at IS NOT NULL)
        FROM scanner.vault v
        WHERE v.deleted_at IS NULL
        GROUP BY coalesce(v.subscription_id, '')
        """,
        day,
        now,
    )
    await conn.execute(
        """
        INSERT INTO scanner.posture_count (day, subscription_id, kind, status, items)
        SELECT $1, coalesce(i.subscription_id, ''), i.kind, i.status, count(*)
        FROM scanner.v_item i
        WHERE i.deleted_at IS NULL
          AND EXISTS (
              SELECT FROM scanner.posture_day d
              WHERE d.day = $1 AND d.subscription_id = coalesce(i.subscription_id, ''))
        GROUP BY coalesce(i.subscription_id, ''), i.kind, i.status
        """,
        day,
    )
