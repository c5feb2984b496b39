"""Two scans side by side: which vaults can be compared, and what the change feed says of them."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any, Final
from uuid import UUID

from asyncpg import Record

from services.gateway.domain.comparison import Entry, net
from services.gateway.domain.scope import Scope
from services.gateway.queries.reach import ids, reach_of
from shared.database import Pool

_NEVER: Final = 2**63 - 1
ITEMS_AT_ONCE: Final = 500


async def list_pairs(
    pool: Pool, earlier: UUID, later: UUID, scope: Scope | None = None
) -> list[Record]:
    """Return each vault of two scans: the part of the feed between its looks, or why there is none.

    A vault in one scan alone can be compared where it was made, or seen to be deleted, in between.
    """
    return await pool.fetch(
        """
        WITH a AS (SELECT v.vault_id, v.outcome, v.finished_at, v.change_mark
                     FROM scanner.v_scan_vault AS v WHERE v.scan_id = $1),
             b AS (SELECT v.vault_id, v.outcome, v.finished_at, v.change_mark
                     FROM scanner.v_scan_vault AS v WHERE v.scan_id = $2)
        SELECT w.id AS vault_id, w.name AS vault_name, coalesce(a.change_mark, 0) AS low,
               coalesce(b.change_mark, $3::bigint) AS high,
               CASE
                   WHEN a.vault_id IS NULL AND w.created_on > first.started_at
                        AND b.outcome = 'ok' THEN NULL
                   WHEN a.vault_id IS NULL THEN 'It was not part of the earlier scan.'
                   WHEN a.outcome IS DISTINCT FROM 'ok' THEN 'The earlier scan could not read it.'
                   WHEN a.change_mark IS NULL THEN 'The earlier scan is of an older release.'
                   WHEN a.finished_at < kept.since THEN
                       'What changed since the earlier scan is not kept any more.'
                   WHEN b.vault_id IS NULL AND w.deleted_at >= a.finished_at
                        AND w.deleted_at <= last.completed_at THEN NULL
                   WHEN b.vault_id IS NULL THEN 'It was not part of the later scan.'
                   WHEN b.outcome IS DISTINCT FROM 'ok' THEN 'The later scan did not read it.'
                   WHEN b.change_mark IS NULL THEN 'The later scan is of an older release.'
                   WHEN b.finished_at < a.finished_at THEN
                       'The later scan looked at it before the earlier one did.'
               END AS unknown
          FROM a
          FULL JOIN b ON b.vault_id = a.vault_id
          JOIN scanner.v_vault AS w ON w.id = coalesce(a.vault_id, b.vault_id)
          JOIN scanner.v_scan AS first ON first.id = $1
          JOIN scanner.v_scan AS last ON last.id = $2
          LEFT JOIN scanner.v_feed_kept AS kept ON true
         WHERE $4::integer[] IS NULL OR w.id = ANY ($4::integer[])
         ORDER BY w.id
        """,
        earlier,
        later,
        _NEVER,
        ids(await reach_of(pool, scope)),
    )


async def list_differences(
    pool: Pool, pairs: Sequence[Record], *, after: int, limit: int
) -> list[dict[str, Any]]:
    """Return the net difference of each item that differs, by its id, from `after` on."""
    found: list[dict[str, Any]] = []
    while len(found) < limit:
        rows = await _changes(pool, pairs, after)
        if not rows:
            break
        for _, own in groupby(rows, key=lambda row: row["item_id"]):
            found += _difference(list(own))
        after = rows[-1]["item_id"]
    return found[:limit]


def _difference(rows: list[Record]) -> list[dict[str, Any]]:
    came_to = net([Entry(row["what"], row["fields"]) for row in rows])
    if came_to is None:
        return []
    names = ("item_id", "vault_id", "kind", "name")
    last = {name: rows[-1][name] for name in names}
    return [{**last, "what": came_to.what, "fields": list(came_to.fields)}]


async def _changes(pool: Pool, pairs: Sequence[Record], after: int) -> list[Record]:
    """Return the entries between the looks, of the next items."""
    return await pool.fetch(
        """
        WITH pair AS (
                 SELECT p.vault_id, p.low, p.high
                   FROM unnest($1::integer[], $2::bigint[], $3::bigint[])
                        AS p (vault_id, low, high)),
             next AS (
                 SELECT DISTINCT c.item_id
                   FROM pair AS p
                   JOIN scanner.v_change AS c
                     ON c.vault_id = p.vault_id AND c.id > p.low AND c.id <= p.high
                  WHERE c.item_id > $4
                  ORDER BY c.item_id
                  LIMIT $5)
        SELECT c.item_id, c.vault_id, c.kind, c.name, c.what, c.fields
          FROM next AS n
          JOIN scanner.v_change AS c ON c.item_id = n.item_id
          JOIN pair AS p ON p.vault_id = c.vault_id AND c.id > p.low AND c.id <= p.high
         ORDER BY c.item_id, c.id
        """,
        [pair["vault_id"] for pair in pairs],
        [pair["low"] for pair in pairs],
        [pair["high"] for pair in pairs],
        after,
        ITEMS_AT_ONCE,
    )
