"""What of scans and of the live stream lies in somebody's scope."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from asyncpg import Record

from services.gateway.domain.sight import About, Place, Subject, own_part
from services.gateway.queries.reach import Reach, ids
from shared.database import Connection, Pool
from shared.selector import Facts, Field


async def own_scans(
    conn: Connection | Pool, scans: Sequence[Record], reach: Reach | None
) -> list[dict[str, Any]]:
    """Return scans as they are shown: with the numbers of the reach's vaults alone."""
    if reach is None:
        return [dict(scan) for scan in scans]
    rows = await conn.fetch(
        """
        SELECT v.scan_id, count(*) AS vaults, count(v.finished_at) AS vaults_done,
               count(*) FILTER (WHERE v.outcome <> 'ok') AS unreadable,
               sum(v.items)::bigint AS items, sum(v.added)::bigint AS added,
               sum(v.changed)::bigint AS changed, sum(v.removed)::bigint AS removed
          FROM scanner.v_scan_vault AS v
         WHERE v.scan_id = ANY ($1::uuid[]) AND v.vault_id = ANY ($2::integer[])
         GROUP BY v.scan_id
        """,
        [scan["id"] for scan in scans],
        ids(reach),
    )
    numbers = {row["scan_id"]: dict(row) for row in rows}
    return [own_part(dict(scan), numbers.get(scan["id"])) for scan in scans]


async def places_of(pool: Pool, subjects: Iterable[Subject]) -> dict[Subject, Place]:
    """Return the vaults, with their subscriptions, of the items and alerts that events name."""
    items = {int(it.id): it for it in subjects if it.about is About.ITEM}
    alerts = {UUID(it.id): it for it in subjects if it.about is About.ALERT}
    if not items and not alerts:
        return {}
    rows = await pool.fetch(
        """
        SELECT i.id AS item_id, NULL::uuid AS alert_id, i.vault_id, i.subscription_id
          FROM scanner.v_item_key AS i
         WHERE i.id = ANY ($1::bigint[])
         UNION ALL
        SELECT NULL, a.id, i.vault_id, i.subscription_id
          FROM alerting.v_alert AS a
          JOIN scanner.v_item_key AS i ON i.id = a.item_id
         WHERE a.id = ANY ($2::uuid[])
        """,
        list(items),
        list(alerts),
    )
    return {
        items[row["item_id"]] if row["alert_id"] is None else alerts[row["alert_id"]]: (
            row["vault_id"],
            row["subscription_id"],
        )
        for row in rows
    }


async def vault_facts(pool: Pool) -> dict[int, Facts]:
    """Return what a selector of vaults can ask about each source, by its id."""
    rows = await pool.fetch(
        """
        SELECT v.id, v.kind, v.name, v.subscription_id, v.subscription_name, v.region, v.tags
          FROM scanner.v_vault AS v
        """
    )
    return {row["id"]: _facts(row) for row in rows}


def _facts(row: Record) -> Facts:
    """Return a source's facts. The directory has no subscription, region or tags: that is known."""
    return Facts(
        known={
            Field.SUB: _words(row["subscription_id"], row["subscription_name"]),
            Field.VAULT: (row["name"],),
            Field.REGION: _words(row["region"]),
            Field.SOURCE: (row["kind"],),
        },
        tags=row["tags"],
    )


def _words(*words: str | None) -> tuple[str, ...]:
    return tuple(word for word in words if word)
