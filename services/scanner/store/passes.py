"""How far the second pass of a scan is: vaults that need it, requests sent, what was left over."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from services.scanner.domain.enrichment import Ages
from services.scanner.store.details import IS_FINAL, IS_OTHER
from services.scanner.store.looks import Pending, to_pending
from shared.database import Connection

_SAVE_WHOLE: Final = (
    "UPDATE scanner.vault AS v"  # noqa: S608 - constant parts, nothing from outside
    """ SET details_of = whole.fingerprint, details_since = whole.since
        FROM (
            SELECT k.id, CASE WHEN coalesce(s.whole, true) THEN k.fingerprint END AS fingerprint,
                   s.since
            FROM scanner.vault k CROSS JOIN LATERAL (
                SELECT min(d.read_at) AS since,
                       bool_and(coalesce("""
    + IS_FINAL
    + """, false) AND NOT"""
    + IS_OTHER
    + """) AS whole
                FROM scanner.item i LEFT JOIN scanner.item_detail d ON d.item_id = i.id
                WHERE i.vault_id = k.id AND i.deleted_at IS NULL AND NOT i.managed) s
            WHERE k.id = $1
        ) AS whole
        WHERE v.id = whole.id AND (v.details_of, v.details_since)
              IS DISTINCT FROM (whole.fingerprint, whole.since)
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """A scan's requests by kind, and the items whose details were left over."""

    calls: Mapping[str, int] = field(default_factory=dict)
    details_pending: int = 0


async def get_begin(conn: Connection, scan_id: UUID) -> datetime:
    """Return when a scan was begun, by the database's clock."""
    begun: datetime = await conn.fetchval(
        "SELECT s.started_at FROM scanner.scan s WHERE s.id = $1", scan_id
    )
    return begun


async def list_vaults(conn: Connection, scan_id: UUID, shard_id: int, age: Ages) -> list[Pending]:
    """Return a shard's vaults that were read in this scan and may have details to be read."""
    rows = await conn.fetch(
        """
        SELECT v.id, v.kind, v.name, v.uri, v.resource_id, v.subscription_id, v.resource_group,
               v.region, v.sku, v.tags, v.rbac, v.created_on
        FROM scanner.scan_vault sv JOIN scanner.vault v ON v.id = sv.vault_id
        WHERE sv.scan_id = $1 AND sv.shard_id = $2 AND sv.outcome = 'ok'
          AND v.kind = 'vault' AND v.deleted_at IS NULL
          AND ($3 OR v.details_of IS DISTINCT FROM v.fingerprint OR v.details_since < $4)
        ORDER BY v.items DESC, v.id
        """,
        scan_id,
        shard_id,
        age.everything,
        age.read,
    )
    return [to_pending(row) for row in rows]


async def count_sent(conn: Connection, scan_id: UUID, shard_id: int) -> int:
    """Return how many requests a shard's second pass has sent so far, before a restart too."""
    sent: int = await conn.fetchval(
        """
        SELECT coalesce(sum(e.value::bigint), 0)
        FROM scanner.scan_vault sv CROSS JOIN LATERAL jsonb_each_text(sv.calls) e
        WHERE sv.scan_id = $1 AND sv.shard_id = $2
          AND e.key NOT IN ('secrets', 'keys', 'certificates')
        """,
        scan_id,
        shard_id,
    )
    return sent


async def add_calls(
    conn: Connection, scan_id: UUID, vault_id: int, calls: Mapping[str, int]
) -> None:
    """Add to the requests that a scan sent to a vault, and note that the scan goes on."""
    await conn.execute(
        """
        UPDATE scanner.scan_vault SET progress_at = now(), calls = (
            SELECT coalesce(jsonb_object_agg(c.kind, c.sent), '{}') FROM (
                SELECT e.key AS kind, sum(e.value::bigint) AS sent
                FROM (SELECT key, value FROM jsonb_each_text(calls)
                      UNION ALL SELECT key, value FROM jsonb_each_text($3::jsonb)) e
                GROUP BY e.key) c)
        WHERE scan_id = $1 AND vault_id = $2
        """,
        scan_id,
        vault_id,
        calls,
    )


async def save_pending(conn: Connection, scan_id: UUID, vault_id: int, pending: int) -> None:
    """Write how many of a vault's items a scan leaves over."""
    await conn.execute(
        """
        UPDATE scanner.scan_vault SET details_pending = $3
        WHERE scan_id = $1 AND vault_id = $2 AND details_pending <> $3
        """,
        scan_id,
        vault_id,
        pending,
    )


async def save_whole(conn: Connection, vault_id: int) -> None:
    """Note the listing of which every item's details are read, if that is so."""
    await conn.execute(_SAVE_WHOLE, vault_id)


async def close_scan(conn: Connection, scan_id: UUID) -> Totals:
    """Sum a scan's passes up when it ends."""
    row = await conn.fetchrow(
        """
        UPDATE scanner.scan AS s SET calls = t.calls, details_pending = t.pending
        FROM (
            SELECT (SELECT coalesce(jsonb_object_agg(c.kind, c.sent), '{}') FROM (
                        SELECT e.key AS kind, sum(e.value::bigint) AS sent
                        FROM scanner.scan_vault n CROSS JOIN LATERAL jsonb_each_text(n.calls) e
                        WHERE n.scan_id = $1 GROUP BY e.key) c) AS calls,
                   (SELECT coalesce(sum(p.details_pending), 0)
                    FROM scanner.scan_vault p WHERE p.scan_id = $1) AS pending
        ) AS t
        WHERE s.id = $1
        RETURNING s.calls, s.details_pending
        """,
        scan_id,
    )
    return Totals(calls=row["calls"], details_pending=row["details_pending"]) if row else Totals()
