"""Rotations and plans as the rotator publishes them, and who sees them.

Somebody with a scope sees a rotation when every secret that it writes lies in the scope. One that
could not begin has no secrets of its own; there its credential's count.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from asyncpg import Record

from services.gateway.domain.scope import Scope
from services.gateway.queries.reach import ids, reach_of
from services.gateway.queries.sql import Conditions, statement
from shared.database import Connection, Pool

MOST_STEPS: Final = 500

_COLUMNS: Final = """
    SELECT r.id, r.credential_id, r.subject ->> 'kind' AS kind, r.subject ->> 'name' AS name,
           r.subject ->> 'container' AS container, r.state, r.over, r.reason, r.wanted,
           r.emergency, r.approval_required, r.plan_hash, r.approved_by, r.approved_at,
           r.requested_by, r.requested_at, r.changed_at, r.due_at,
           r.not_before AS overlap_ends_at, r.attempt, r.old_key_id, r.new_key_id,
           extract(epoch FROM r.lifetime)::bigint AS lifetime_seconds,
           extract(epoch FROM r.overlap)::bigint AS overlap_seconds, r.can_roll_back
      FROM rotator.v_rotation AS r
"""
_SEEN: Final = """
    (SELECT bool_and((i.vault_id = ANY (?::integer[])) IS TRUE)
       FROM (SELECT p.reference
               FROM rotator.v_rotation_place AS p
              WHERE p.rotation_id = r.id
              UNION ALL
             SELECT p.reference
               FROM rotator.v_place AS p
              WHERE p.credential_id = r.credential_id
                AND NOT EXISTS (SELECT FROM rotator.v_rotation_place AS q
                                 WHERE q.rotation_id = r.id)) AS place
       LEFT JOIN scanner.v_item_key AS i ON i.id = (place.reference ->> 'item_id')::bigint)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationFilter:
    """Which rotations; what is empty or None does not matter."""

    states: Collection[str] = ()
    credential_id: UUID | None = None
    over: bool | None = None


async def list_rotations(
    pool: Pool,
    filter_: RotationFilter,
    *,
    before: tuple[datetime, UUID] | None,
    limit: int,
    scope: Scope | None,
) -> list[Record]:
    """Return rotations, those that were asked for last first."""
    wanted = Conditions()
    if filter_.states:
        wanted.add("r.state = ANY (?::text[])", list(filter_.states))
    if filter_.credential_id is not None:
        wanted.add("r.credential_id = ?", filter_.credential_id)
    if filter_.over is not None:
        wanted.add("r.over = ?", filter_.over)
    if before is not None:
        wanted.add("(r.requested_at, r.id) < (?::timestamptz, ?::uuid)", *before)
    await _narrow(pool, wanted, scope)
    order = wanted.bind("ORDER BY r.requested_at DESC, r.id DESC LIMIT ?", limit)
    return await pool.fetch(statement(_COLUMNS, "WHERE", wanted.where(), order), *wanted.arguments)


async def get_rotation(
    conn: Connection | Pool, rotation_id: UUID, scope: Scope | None
) -> Record | None:
    """Return one rotation; None for an unknown one and one out of scope."""
    wanted = Conditions()
    wanted.add("r.id = ?", rotation_id)
    await _narrow(conn, wanted, scope)
    return await conn.fetchrow(statement(_COLUMNS, "WHERE", wanted.where()), *wanted.arguments)


async def _narrow(conn: Connection | Pool, wanted: Conditions, scope: Scope | None) -> None:
    reach = ids(await reach_of(conn, scope))
    if reach is not None:
        wanted.add(_SEEN, reach)


async def list_places(pool: Pool, rotation_id: UUID) -> list[Record]:
    """Return the secrets that a rotation writes, in its order."""
    return await pool.fetch(
        """
        SELECT p.place_id AS id, (p.reference ->> 'item_id')::bigint AS item_id, p.vault_url,
               p.name, p.base_version, p.new_version, p.reverted_version
          FROM rotator.v_rotation_place AS p
         WHERE p.rotation_id = $1
         ORDER BY p.position, p.place_id
        """,
        rotation_id,
    )


async def list_steps(conn: Connection | Pool, rotation_id: UUID) -> list[Record]:
    """Return how a rotation came to its state, the first step first; of very many the last."""
    rows = await conn.fetch(
        """
        SELECT s.previous_state, s.state, s.attempt, s.reason, s.at
          FROM rotator.v_rotation_step AS s
         WHERE s.rotation_id = $1
         ORDER BY s.id DESC
         LIMIT $2
        """,
        rotation_id,
        MOST_STEPS,
    )
    return rows[::-1]


async def get_document(pool: Pool, rotation_id: UUID) -> dict[str, Any] | None:
    """Return the plan that a rotation was made or waits by, None before there is one."""
    document: dict[str, Any] | None = await pool.fetchval(
        "SELECT r.plan FROM rotator.v_rotation AS r WHERE r.id = $1", rotation_id
    )
    return document


async def get_plan(pool: Pool, plan_id: UUID) -> Record | None:
    """Return a plan, or why there is none; None until the rotator has made it."""
    return await pool.fetchrow(
        """
        SELECT p.id, p.credential_id, p.emergency, p.requested_by, p.made_at, p.plan_hash,
               p.document, p.failure
          FROM rotator.v_plan AS p
         WHERE p.id = $1
        """,
        plan_id,
    )
