"""The numbers of the first page. A status is counted by the range that the list filters by.

A certificate counts once: the secret and the key behind it (`managed`) are not counted.
"""

from typing import Any, Final, LiteralString

from services.gateway.queries.items import STATUS
from services.gateway.queries.sql import statement
from shared.database import Connection, Pool

NEXT: Final = 10
MOST_UNREADABLE: Final = 100

# One pass over the live items: whether an item is enabled is in no index, so that counting each
# status by itself would read most of the table several times.
_COUNTS: Final[LiteralString] = statement(
    "SELECT i.kind,",
    ", ".join(
        statement("count(*) FILTER (WHERE", condition, ") AS", status.value)
        for status, condition in STATUS.items()
    ),
    "FROM scanner.v_item AS i WHERE i.deleted_at IS NULL AND NOT i.managed"
    " GROUP BY i.kind ORDER BY i.kind",
)


async def read_overview(pool: Pool) -> dict[str, Any]:
    """Return all numbers as of one moment."""
    async with (
        pool.acquire() as conn,
        conn.transaction(isolation="repeatable_read", readonly=True),
    ):
        counts = await conn.fetch(_COUNTS)
        statuses = {status.value: sum(row[status] for row in counts) for status in STATUS}
        unreadable = await _unreadable(conn)
        return {
            "at": await conn.fetchval("SELECT now()"),
            "items": {
                "total": sum(statuses.values()),
                "by_status": statuses,
                "by_kind": {row["kind"]: sum(row[status] for status in STATUS) for row in counts},
            },
            "vaults": await _vaults(conn),
            "unreadable": unreadable,
            "next_to_expire": await _next(conn),
            "last_scan": await _last_scan(conn),
            "alerts": {"open": await _open_alerts(conn)},
        }


async def _vaults(conn: Connection) -> dict[str, int]:
    row = await conn.fetchrow(
        """
        SELECT count(*) FILTER (WHERE v.kind = 'vault') AS total,
               count(*) FILTER (WHERE v.outcome <> 'ok' AND s.excluded_at IS NULL) AS unreadable,
               count(*) FILTER (WHERE v.outcome IS NULL AND s.excluded_at IS NULL)
                   AS not_looked_at_yet,
               count(*) FILTER (WHERE s.excluded_at IS NOT NULL) AS excluded,
               count(DISTINCT v.subscription_id) AS subscriptions
          FROM scanner.v_vault AS v
          LEFT JOIN scanner.v_vault_scope AS s ON s.id = v.id
         WHERE v.deleted_at IS NULL
        """
    )
    return dict(row) if row else {}


async def _unreadable(conn: Connection) -> list[dict[str, Any]]:
    rows = await conn.fetch(
        """
        SELECT v.id, v.name, v.subscription_id, v.subscription_name, v.outcome,
               v.outcome_reason AS reason, v.outcome_remedy AS remedy, v.last_scanned_at,
               v.last_complete_at
          FROM scanner.v_vault AS v
          LEFT JOIN scanner.v_vault_scope AS s ON s.id = v.id
         WHERE v.deleted_at IS NULL AND v.outcome <> 'ok' AND s.excluded_at IS NULL
         ORDER BY v.name
         LIMIT $1
        """,
        MOST_UNREADABLE,
    )
    return [dict(row) for row in rows]


async def _next(conn: Connection) -> list[dict[str, Any]]:
    """Return what ends next; the secret and the key behind a certificate end with it."""
    rows = await conn.fetch(
        """
        SELECT i.id, i.kind, i.name, i.vault_id, i.vault_name, i.subscription_name, i.status,
               i.days_left, i.expires_on, i.application_name
          FROM scanner.v_item AS i
         WHERE i.deleted_at IS NULL AND i.enabled AND NOT i.managed
           AND i.exp_sort > now() AND i.exp_sort < 'infinity'
         ORDER BY i.exp_sort, i.id
         LIMIT $1
        """,
        NEXT,
    )
    return [dict(row) for row in rows]


async def _last_scan(conn: Connection) -> dict[str, Any] | None:
    row = await conn.fetchrow(
        """
        SELECT s.id, s.mode, s.state, s.outcome, s.requested_by, s.requested_at, s.started_at,
               s.completed_at, s.vaults, s.vaults_done, s.unreadable, s.items, s.added, s.changed,
               s.removed, s.error, s.details_pending
          FROM scanner.v_scan AS s
         ORDER BY s.requested_at DESC, s.id DESC
         LIMIT 1
        """
    )
    return dict(row) if row else None


async def _open_alerts(conn: Connection) -> int:
    count: int = await conn.fetchval(
        "SELECT count(*) FROM alerting.v_alert AS a WHERE a.state = 'raised'"
    )
    return count
