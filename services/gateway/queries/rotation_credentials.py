"""Credentials that are rotated, as the rotator publishes them, and what can become one.

Somebody with a scope sees a credential when every secret that holds it lies in the scope.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from asyncpg import Record

from services.gateway.domain.scope import Scope
from services.gateway.queries.reach import ids, reach_of
from services.gateway.queries.sql import Conditions, statement
from shared.database import Connection, Pool

_COLUMNS: Final = """
    SELECT c.id, c.subject, c.subject ->> 'kind' AS kind, c.subject ->> 'name' AS name,
           c.subject ->> 'container' AS container,
           (c.subject ->> 'item_id')::bigint AS item_id, c.key_id, c.state,
           (extract(epoch FROM c.lifetime) / 86400)::integer AS lifetime_days,
           extract(epoch FROM c.overlap)::bigint AS overlap_seconds, c.added_at,
           c.policy_id, c.policy_name, c.policy_reason, c.ends_at, c.next_at AS next_rotation_at,
           c.timeliness, c.warning,
           (SELECT r.id FROM rotator.v_rotation AS r
             WHERE r.credential_id = c.id AND NOT r.over) AS rotation_id
      FROM rotator.v_credential AS c
"""
_SEEN: Final = """
    (SELECT bool_and((i.vault_id = ANY (?::integer[])) IS TRUE)
       FROM rotator.v_place AS p
       LEFT JOIN scanner.v_item_key AS i ON i.id = (p.reference ->> 'item_id')::bigint
      WHERE p.credential_id = c.id)
"""


async def list_credentials(
    pool: Pool, *, before: tuple[datetime, UUID] | None, limit: int, scope: Scope | None
) -> list[dict[str, Any]]:
    """Return credentials with the secrets that hold them, the newest first."""
    wanted = Conditions()
    if before is not None:
        wanted.add("(c.added_at, c.id) < (?::timestamptz, ?::uuid)", *before)
    await _narrow(pool, wanted, scope)
    order = wanted.bind("ORDER BY c.added_at DESC, c.id DESC LIMIT ?", limit)
    rows = await pool.fetch(statement(_COLUMNS, "WHERE", wanted.where(), order), *wanted.arguments)
    places = await _places(pool, [row["id"] for row in rows])
    return [_shown(row) | {"places": places.get(row["id"], [])} for row in rows]


async def get_credential(
    conn: Connection | Pool, credential_id: UUID, scope: Scope | None
) -> Record | None:
    """Return one credential; None for an unknown one and one out of scope."""
    wanted = Conditions()
    wanted.add("c.id = ?", credential_id)
    await _narrow(conn, wanted, scope)
    return await conn.fetchrow(statement(_COLUMNS, "WHERE", wanted.where()), *wanted.arguments)


async def find_credential(conn: Connection, target: str, key_id: str) -> Record | None:
    """Return the credential that is in use at a target under this id, if it is known."""
    return await conn.fetchrow(
        statement(_COLUMNS, "WHERE c.target = $1 AND c.key_id = $2 ORDER BY c.added_at LIMIT 1"),
        target,
        key_id,
    )


async def _narrow(conn: Connection | Pool, wanted: Conditions, scope: Scope | None) -> None:
    reach = ids(await reach_of(conn, scope))
    if reach is not None:
        wanted.add(_SEEN, reach)


async def _places(pool: Pool, credential_ids: Sequence[UUID]) -> dict[UUID, list[dict[str, Any]]]:
    rows = await pool.fetch(
        """
        SELECT p.credential_id, p.id, (p.reference ->> 'item_id')::bigint AS item_id, p.vault_url,
               p.name, p.reference ->> 'subscription_id' AS subscription_id
          FROM rotator.v_place AS p
         WHERE p.credential_id = ANY ($1::uuid[])
         ORDER BY p.position, p.id
        """,
        list(credential_ids),
    )
    found: dict[UUID, list[dict[str, Any]]] = {}
    for row in rows:
        place = dict(row)
        found.setdefault(place.pop("credential_id"), []).append(place)
    return found


def _shown(row: Record) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "subject"}


async def get_app_secret(conn: Connection, item_id: int, scope: Scope | None) -> Record | None:
    """Return an item with what an application says of it; None for one that is gone or unseen."""
    row = await conn.fetchrow(
        """
        SELECT i.id, i.kind, i.name, i.vault_id, i.subscription_id, c.key_id, c.application_kind,
               c.object_id || '/' || a.app_id AS target
          FROM scanner.v_item AS i
          LEFT JOIN scanner.v_credential AS c ON c.item_id = i.id
          LEFT JOIN scanner.v_application AS a ON a.id = c.application_id
         WHERE i.id = $1 AND i.deleted_at IS NULL
        """,
        item_id,
    )
    if row is None or scope is None or scope.holds(row["vault_id"], row["subscription_id"]):
        return row
    return None


async def list_secrets(
    conn: Connection, item_ids: Sequence[int], scope: Scope | None
) -> dict[int, Record]:
    """Return those of these items that are secrets in vaults, in scope, by id.

    `holds` is the credential that is rotated there already.
    """
    rows = await conn.fetch(
        """
        SELECT i.id, i.name, i.managed, i.vault_id, i.subscription_id, p.credential_id AS holds
          FROM scanner.v_item AS i
          JOIN scanner.v_vault AS v ON v.id = i.vault_id
          LEFT JOIN rotator.v_place AS p ON lower(p.vault_url) = lower(v.uri)
                                        AND lower(p.name) = lower(i.name)
         WHERE i.id = ANY ($1::bigint[]) AND i.kind = 'secret' AND i.deleted_at IS NULL
           AND v.uri IS NOT NULL
        """,
        list(item_ids),
    )
    return {
        row["id"]: row
        for row in rows
        if scope is None or scope.holds(row["vault_id"], row["subscription_id"])
    }
