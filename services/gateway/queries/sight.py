"""What of scans and of the live stream lies in somebody's scope."""

from collections.abc import Iterable, Sequence
from typing import Any, Final
from uuid import UUID

from asyncpg import Record

from services.gateway.domain.sight import About, Place, Subject, own_part
from services.gateway.queries.reach import Reach, ids
from shared.database import Connection, Pool
from shared.selector import Facts, Field

# Ids begin at 1: no scope holds it.
_NOWHERE: Final[Place] = (0, None)


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


async def places_of(pool: Pool, subjects: Iterable[Subject]) -> dict[Subject, list[Place]]:
    """Return the vaults, with their subscriptions, of what events name.

    A rotation has one for each of its secrets; one that the inventory does not know is nowhere.
    """
    known = {(subject.about, subject.id): subject for subject in subjects}
    items, alerts, rotations = (
        [id_ for about, id_ in known if about is wanted]
        for wanted in (About.ITEM, About.ALERT, About.ROTATION)
    )
    if not items and not alerts and not rotations:
        return {}
    rows = await pool.fetch(
        """
        SELECT 'item' AS about, i.id::text AS id, i.vault_id, i.subscription_id
          FROM scanner.v_item_key AS i
         WHERE i.id = ANY ($1::bigint[])
         UNION ALL
        SELECT 'alert', a.id::text, i.vault_id, i.subscription_id
          FROM alerting.v_alert AS a
          JOIN scanner.v_item_key AS i ON i.id = a.item_id
         WHERE a.id = ANY ($2::uuid[])
         UNION ALL
        SELECT 'rotation', p.rotation_id::text, i.vault_id, i.subscription_id
          FROM rotator.v_rotation_place AS p
          LEFT JOIN scanner.v_item_key AS i ON i.id = (p.reference ->> 'item_id')::bigint
         WHERE p.rotation_id = ANY ($3::uuid[])
        """,
        [int(id_) for id_ in items],
        [UUID(id_) for id_ in alerts],
        [UUID(id_) for id_ in rotations],
    )
    found: dict[Subject, list[Place]] = {}
    for row in rows:
        place = _NOWHERE if row["vault_id"] is None else (row["vault_id"], row["subscription_id"])
        found.setdefault(known[About(row["about"]), row["id"]], []).append(place)
    return found


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
