"""The numbers of the first page. A status is counted by the range that the list filters by.

A certificate counts once: the secret and the key behind it (`managed`) are not counted.
"""

from collections.abc import Mapping
from typing import Any, Final, LiteralString

from services.gateway.domain.filters import ItemStatus
from services.gateway.domain.scope import Scope
from services.gateway.queries.item_filter import STATUS
from services.gateway.queries.reach import Reach, ids, reach_of
from services.gateway.queries.sight import own_scans
from services.gateway.queries.sql import Conditions, either, statement
from shared.database import Connection, Pool
from shared.events import ItemKind

NEXT: Final = 10
MOST_UNREADABLE: Final = 100

# Each figure is a range of an index that holds all it needs, so no row is visited. Most items are
# healthy: they are what is left. The key and the secret behind a certificate count with it.
_SINGLE: Final[LiteralString] = "i.deleted_at IS NULL AND NOT i.managed"
# Each look counts what it finds; two statuses that lie side by side in the index share one.
LOOKS: Final[tuple[tuple[LiteralString, Mapping[ItemStatus, LiteralString]], ...]] = (
    *((STATUS[status], {status: "count(*)"}) for status in (
        ItemStatus.DISABLED, ItemStatus.NOT_YET_ACTIVE, ItemStatus.NO_EXPIRY, ItemStatus.EXPIRED
    )),
    (
        "i.exp_sort > now() AND i.exp_sort < now() + interval '90 days' AND i.warning_at < now()",
        {
            status: "count(*) FILTER (WHERE " + STATUS[status] + ")"
            for status in (ItemStatus.CRITICAL, ItemStatus.WARNING)
        },
    ),
)  # fmt: skip


async def read_overview(pool: Pool, scope: Scope | None = None) -> dict[str, Any]:
    """Return all numbers as of one moment."""
    async with (
        pool.acquire() as conn,
        conn.transaction(isolation="repeatable_read", readonly=True),
    ):
        reach = await reach_of(conn, scope)
        kinds = await _by_kind(conn, reach)
        statuses = await _by_status(conn, reach, sum(kinds.values()))
        return {
            "at": await conn.fetchval("SELECT now()"),
            "items": {
                "total": sum(statuses.values()),
                "by_status": statuses,
                "by_kind": kinds,
            },
            "vaults": await _vaults(conn, reach),
            "unreadable": await _unreadable(conn, reach),
            "next_to_expire": await _next(conn, reach),
            "last_scan": await _last_scan(conn, reach),
            "alerts": {"open": await _open_alerts(conn, reach)},
        }


def _within(reach: Reach | None, part: LiteralString) -> Conditions:
    """Return the condition that a row's vault may be seen."""
    found = Conditions()
    if reach is not None:
        found.add(part, ids(reach))
    return found


async def _by_kind(conn: Connection, reach: Reach | None) -> dict[str, int]:
    """Return how many single items there are of each kind that occurs."""
    seen = _within(reach, "i.vault_id = ANY (?::integer[])")
    sql = statement(
        "SELECT k.kind, n.items FROM unnest(", seen.bind("?::text[]", list(ItemKind)),
        ") AS k (kind) CROSS JOIN LATERAL (SELECT count(*) AS items",
        "FROM scanner.v_item_key AS i WHERE i.kind = k.kind AND", _SINGLE, "AND", seen.where(),
        ") AS n ORDER BY k.kind",
    )  # fmt: skip
    rows = await conn.fetch(sql, *seen.arguments)
    return {row["kind"]: row["items"] for row in rows if row["items"]}


async def _by_status(conn: Connection, reach: Reach | None, total: int) -> dict[str, int]:
    found: dict[ItemStatus, int] = {}
    for where, counts in LOOKS:
        seen = _within(reach, "i.vault_id = ANY (?::integer[])")
        sql = statement(
            "SELECT", either(counts.values(), ", ", "NULL"), "FROM scanner.v_item_key AS i WHERE",
            _SINGLE, "AND", where, "AND", seen.where(),
        )  # fmt: skip
        found |= zip(counts, await conn.fetchrow(sql, *seen.arguments) or (), strict=True)
    found[ItemStatus.HEALTHY] = total - sum(found.values())
    return {status.value: found[status] for status in STATUS}


async def _vaults(conn: Connection, reach: Reach | None) -> dict[str, int]:
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
         WHERE v.deleted_at IS NULL AND ($1::integer[] IS NULL OR v.id = ANY ($1::integer[]))
        """,
        ids(reach),
    )
    return dict(row) if row else {}


async def _unreadable(conn: Connection, reach: Reach | None) -> list[dict[str, Any]]:
    rows = await conn.fetch(
        """
        SELECT v.id, v.name, v.subscription_id, v.subscription_name, v.outcome,
               v.outcome_reason AS reason, v.outcome_remedy AS remedy, v.last_scanned_at,
               v.last_complete_at
          FROM scanner.v_vault AS v
          LEFT JOIN scanner.v_vault_scope AS s ON s.id = v.id
         WHERE v.deleted_at IS NULL AND v.outcome <> 'ok' AND s.excluded_at IS NULL
           AND ($1::integer[] IS NULL OR v.id = ANY ($1::integer[]))
         ORDER BY v.name
         LIMIT $2
        """,
        ids(reach),
        MOST_UNREADABLE,
    )
    return [dict(row) for row in rows]


async def _next(conn: Connection, reach: Reach | None) -> list[dict[str, Any]]:
    """Return what ends next; the secret and the key behind a certificate end with it."""
    rows = await conn.fetch(
        """
        WITH page AS (
            SELECT i.id
              FROM scanner.v_item_key AS i
             WHERE i.deleted_at IS NULL AND i.enabled AND NOT i.managed
               AND i.exp_sort > now() AND i.exp_sort < 'infinity'
               AND ($1::integer[] IS NULL OR i.vault_id = ANY ($1::integer[]))
             ORDER BY i.exp_sort, i.id
             LIMIT $2
        )
        SELECT i.id, i.kind, i.name, i.vault_id, i.vault_name, i.subscription_name, i.status,
               i.days_left, i.expires_on, i.application_name
          FROM page JOIN scanner.v_item AS i ON i.id = page.id
         ORDER BY i.exp_sort, i.id
        """,
        ids(reach),
        NEXT,
    )
    return [dict(row) for row in rows]


async def _last_scan(conn: Connection, reach: Reach | None) -> dict[str, Any] | None:
    rows = await conn.fetch(
        """
        SELECT s.id, s.mode, s.state, s.outcome, s.requested_by, s.requested_at, s.started_at,
               s.completed_at, s.vaults, s.vaults_done, s.unreadable, s.items, s.added, s.changed,
               s.removed, s.error, s.details_pending
          FROM scanner.v_scan AS s
         ORDER BY s.requested_at DESC, s.id DESC
         LIMIT 1
        """
    )
    return next(iter(await own_scans(conn, rows, reach)), None)


async def _open_alerts(conn: Connection, reach: Reach | None) -> int:
    count: int = await conn.fetchval(
        """
        SELECT count(*)
          FROM alerting.v_alert AS a
         WHERE a.state = 'raised'
           AND ($1::integer[] IS NULL OR EXISTS (
               SELECT FROM scanner.v_item_key AS i
                WHERE i.id = a.item_id AND i.vault_id = ANY ($1::integer[])))
        """,
        ids(reach),
    )
    return count
