"""The posture of past days: numbers of the snapshots, summed over subscriptions."""

from datetime import date
from typing import Any

from shared.database import Connection, Pool


async def read_trends(
    pool: Pool, *, first: date, last: date, subscription: str | None
) -> list[dict[str, Any]]:
    """Return one entry for each day that has a snapshot; a day without one is not known."""
    async with (
        pool.acquire() as conn,
        conn.transaction(isolation="repeatable_read", readonly=True),
    ):
        days = await _days(conn, first, last, subscription)
        rows = await conn.fetch(
            """
            SELECT p.day, p.kind, p.status, sum(p.items)::bigint AS items
              FROM scanner.v_posture_daily AS p
             WHERE p.day BETWEEN $1 AND $2 AND p.kind IS NOT NULL
               AND ($3::text IS NULL OR lower(p.subscription_id) = lower($3))
             GROUP BY p.day, p.kind, p.status
            """,
            first,
            last,
            subscription,
        )
    for row in rows:
        items = days[row["day"]]["items"]
        items["total"] += row["items"]
        for group, word in (("by_kind", row["kind"]), ("by_status", row["status"])):
            items[group][word] = items[group].get(word, 0) + row["items"]
    return list(days.values())


async def _days(
    conn: Connection, first: date, last: date, subscription: str | None
) -> dict[date, dict[str, Any]]:
    rows = await conn.fetch(
        """
        SELECT d.day, max(d.taken_at) AS taken_at, sum(d.vaults)::bigint AS vaults,
               sum(d.unreadable)::bigint AS unreadable, sum(d.excluded)::bigint AS excluded
          FROM (SELECT DISTINCT p.day, p.taken_at, p.subscription_id, p.vaults, p.unreadable,
                       p.excluded
                  FROM scanner.v_posture_daily AS p
                 WHERE p.day BETWEEN $1 AND $2
                   AND ($3::text IS NULL OR lower(p.subscription_id) = lower($3))) AS d
         GROUP BY d.day
         ORDER BY d.day
        """,
        first,
        last,
        subscription,
    )
    return {
        row["day"]: {**dict(row), "items": {"total": 0, "by_kind": {}, "by_status": {}}}
        for row in rows
    }
