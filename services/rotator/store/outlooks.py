"""What comes next for credentials that are rotated: what decides it, and what was decided.

The inventory knows a new credential only with the next scan. Until then its rotation tells from
when until when it works: it was made after the rotation's first intent, to live for its lifetime.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from services.rotator.domain.described import Described, Kept
from services.rotator.domain.outlook import Ended, Looked, Outlook, Span
from shared.database import Connection
from shared.events import CredentialRef

_LOCK: Final = 7_311

_CREDENTIALS: Final = """
    SELECT DISTINCT ON (c.id) c.id, c.key_id, c.target, c.subject, a.owners,
           EXISTS (SELECT FROM rotator.rotation AS r
                    WHERE r.credential_id = c.id AND NOT r.over) AS rotating
      FROM rotator.credential AS c
      LEFT JOIN scanner.v_application AS a ON lower(a.object_id) = split_part(c.target, '/', 1)
     WHERE c.state = 'active' AND c.id > $1
     ORDER BY c.id
     LIMIT $2
"""
_PLACES: Final = """
    SELECT p.credential_id, p.name, i.id AS item_id, i.vault_name, i.subscription_id,
           i.subscription_name, i.tags, v.region, v.tags AS vault_tags
      FROM rotator.place AS p
      LEFT JOIN scanner.v_item AS i ON i.id = (p.reference ->> 'item_id')::bigint
      LEFT JOIN scanner.v_vault AS v ON v.id = i.vault_id
     WHERE p.credential_id = ANY ($1::uuid[])
     ORDER BY p.position, p.id
"""
_FOUND: Final = """
    SELECT c.id, coalesce(i.created_on, i.not_before) AS created_on, i.expires_on, i.status
      FROM unnest($1::uuid[], $2::text[], $3::text[]) AS c (id, key_id, target)
      JOIN scanner.v_credential AS k ON lower(k.key_id) = lower(c.key_id)
       AND starts_with(c.target, lower(k.object_id) || '/')
      JOIN scanner.v_item AS i ON i.id = k.item_id AND i.deleted_at IS NULL
     ORDER BY i.id
"""
_MADE: Final = """
    SELECT r.credential_id AS id, min(s.at) AS created_on, min(s.at) + r.lifetime AS expires_on
      FROM unnest($1::uuid[], $2::text[]) AS c (id, key_id)
      JOIN rotator.rotation AS r ON r.credential_id = c.id AND r.new_key_id = c.key_id
       AND r.state = 'completed'
      JOIN rotator.rotation_step AS s ON s.rotation_id = r.id AND s.state = 'creating'
     WHERE NOT EXISTS (SELECT FROM scanner.v_credential AS k
                        WHERE lower(k.key_id) = lower(c.key_id))
     GROUP BY r.id
"""
_ENDED: Final = """
    SELECT r.credential_id, r.trigger_key, r.state, r.reason
      FROM unnest($1::uuid[], $2::text[]) AS c (id, key_id)
      JOIN rotator.rotation AS r ON r.credential_id = c.id AND r.old_key_id = c.key_id
     WHERE r.over AND starts_with(r.trigger_key, 'policy:')
"""


async def try_lock(conn: Connection) -> bool:
    """Take the lease for this transaction; False while another replica looks."""
    taken: bool = await conn.fetchval("SELECT pg_try_advisory_xact_lock($1, 0)", _LOCK)
    return taken


async def get_time(conn: Connection) -> datetime:
    """Return the database's time."""
    now: datetime = await conn.fetchval("SELECT now()")
    return now


async def list_looked(conn: Connection, after: UUID, limit: int) -> list[Looked]:
    """Return what there is to be looked at of the credentials after this id, in their order."""
    rows = await conn.fetch(_CREDENTIALS, after, limit)
    ids, keys = [row["id"] for row in rows], [row["key_id"] for row in rows]
    places = await _places(conn, ids)
    spans = {row["id"]: _span(row) for row in await conn.fetch(_MADE, ids, keys)}
    targets = [row["target"] for row in rows]
    scanned = {row["id"]: row for row in await conn.fetch(_FOUND, ids, keys, targets)}
    spans |= {credential_id: _span(row) for credential_id, row in scanned.items()}
    ended: dict[UUID, dict[str, Ended]] = {}
    for row in await conn.fetch(_ENDED, ids, keys):
        found = ended.setdefault(row["credential_id"], {})
        found[row["trigger_key"]] = Ended(state=row["state"], reason=row["reason"])
    return [
        Looked(
            credential_id=row["id"],
            key_id=row["key_id"],
            described=_described(row, scanned.get(row["id"]), places.get(row["id"], [])),
            span=spans.get(row["id"]),
            rotating=row["rotating"],
            ended=ended.get(row["id"]),
        )
        for row in rows
    ]


async def save(conn: Connection, outlooks: Sequence[tuple[UUID, Outlook]]) -> None:
    """Keep what comes next, where it is not what was kept already."""
    await conn.executemany(
        """
        INSERT INTO rotator.outlook AS o (credential_id, policy_id, policy_name, ends_at, next_at,
               timeliness, warning, reason)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (credential_id) DO UPDATE
           SET policy_id = excluded.policy_id, policy_name = excluded.policy_name,
               ends_at = excluded.ends_at, next_at = excluded.next_at,
               timeliness = excluded.timeliness, warning = excluded.warning,
               reason = excluded.reason
         WHERE (o.policy_id, o.policy_name, o.ends_at, o.next_at, o.timeliness, o.warning, o.reason)
               IS DISTINCT FROM
               (excluded.policy_id, excluded.policy_name, excluded.ends_at, excluded.next_at,
                excluded.timeliness, excluded.warning, excluded.reason)
        """,
        [
            (
                credential_id,
                found.policy.id if found.policy else None,
                found.policy.name if found.policy else None,
                found.ends_at,
                found.timing.at if found.timing else None,
                found.timing.timeliness if found.timing else None,
                found.warning,
                found.reason,
            )
            for credential_id, found in outlooks
        ],
    )


async def forget_others(conn: Connection) -> None:
    """Forget what came next for credentials that are set aside."""
    await conn.execute(
        """
        DELETE FROM rotator.outlook AS o
         USING rotator.credential AS c
         WHERE c.id = o.credential_id AND c.state <> 'active'
        """
    )


async def claim_telling(
    conn: Connection, credential_id: UUID, key_id: str, timeliness: str
) -> bool:
    """Say whether nobody was told of this yet, and note that they are."""
    told = await conn.fetchval(
        """
        INSERT INTO rotator.told (credential_id, key_id, timeliness) VALUES ($1, $2, $3)
        ON CONFLICT DO NOTHING
        RETURNING true
        """,
        *(credential_id, key_id, timeliness),
    )
    return told is True


async def _places(conn: Connection, ids: Sequence[UUID]) -> dict[UUID, list[Kept | None]]:
    found: dict[UUID, list[Kept | None]] = {}
    for row in await conn.fetch(_PLACES, ids):
        found.setdefault(row["credential_id"], []).append(_kept(row))
    return found


def _kept(row: asyncpg.Record) -> Kept | None:
    if row["item_id"] is None or row["vault_name"] is None:
        return None
    where = (row["subscription_id"], row["subscription_name"])
    return Kept(
        name=row["name"],
        vault=row["vault_name"],
        subscription=tuple(word for word in where if word),
        region=row["region"],
        tags=row["tags"],
        vault_tags=row["vault_tags"],
    )


def _described(
    row: asyncpg.Record, scanned: asyncpg.Record | None, places: Sequence[Kept | None]
) -> Described:
    owners: list[Mapping[str, Any]] | None = row["owners"]
    return Described(
        subject=CredentialRef.model_validate(row["subject"]),
        status=scanned["status"] if scanned else None,
        owners=None if owners is None else tuple(_names(owners)),
        places=places,
    )


def _names(owners: Sequence[Mapping[str, Any]]) -> list[str]:
    named = ("display_name", "user_principal_name")
    return [name for owner in owners for word in named if (name := owner.get(word))]


def _span(row: asyncpg.Record) -> Span:
    return Span(created_on=row["created_on"], expires_on=row["expires_on"])
