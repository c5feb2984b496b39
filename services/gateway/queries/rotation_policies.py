"""Policies, freezes and suggestions as the rotator publishes them."""

import re
from dataclasses import dataclass
from typing import Any, Final, Self
from uuid import UUID

from asyncpg import Record

from services.gateway.domain.scope import Scope
from services.gateway.queries.reach import ids, reach_of
from services.gateway.queries.sql import Conditions, statement
from shared.database import Connection, Pool

_POLICIES: Final = """
    SELECT p.id, p.name, p.selector, p.priority,
           (extract(epoch FROM p.rotate_before) / 86400)::integer AS rotate_before_days,
           (extract(epoch FROM p.lifetime) / 86400)::integer AS lifetime_days,
           extract(epoch FROM p.overlap)::bigint AS overlap_seconds, p.windows,
           p.requires_approval, p.enabled, p.credentials, p.changed_by, p.changed_at
      FROM rotator.v_policy AS p
"""
_SUGGESTIONS: Final = """
    SELECT s.item_id, i.name, i.application_name, s.place_item_id, p.name AS place_name,
           p.vault_name, p.subscription_id, s.score, s.band, s.sentence, s.signals, s.confirmed,
           s.ambiguous, s.refusal
      FROM rotator.v_suggestion AS s
      JOIN scanner.v_item AS i ON i.id = s.item_id
      JOIN scanner.v_item AS p ON p.id = s.place_item_id
"""
_POSITION: Final = re.compile(r"(\d\.\d{1,6})/(\d{1,18})/(\d{1,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page of suggestions ended."""

    score: float
    item_id: int
    place_item_id: int

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read what `str` wrote; None for anything else."""
        found = _POSITION.fullmatch(text)
        return cls(float(found[1]), int(found[2]), int(found[3])) if found else None

    def __str__(self) -> str:
        return f"{self.score:.6f}/{self.item_id}/{self.place_item_id}"


async def list_policies(pool: Pool) -> list[Record]:
    """Return the policies in the order in which they decide."""
    return await pool.fetch(f"{_POLICIES} ORDER BY p.priority, p.name, p.id")


async def get_policy(conn: Connection | Pool, policy_id: UUID) -> Record | None:
    """Return one policy, or None."""
    return await conn.fetchrow(f"{_POLICIES} WHERE p.id = $1", policy_id)


async def count_policies(conn: Connection) -> int:
    """Return how many policies there are."""
    count: int = await conn.fetchval("SELECT count(*) FROM rotator.v_policy")
    return count


async def is_name_taken(conn: Connection, policy_id: UUID, name: str) -> bool:
    """Say whether another policy has this name."""
    taken: bool = await conn.fetchval(
        """
        SELECT EXISTS (SELECT FROM rotator.v_policy AS p
                        WHERE lower(p.name) = lower($2) AND p.id <> $1)
        """,
        *(policy_id, name),
    )
    return taken


async def list_freezes(conn: Connection | Pool) -> list[Record]:
    """Return the freezes that are not over, the next first."""
    return await conn.fetch(
        """
        SELECT f.id, f.starts_at, f.ends_at, f.reason, f.changed_by, f.changed_at
          FROM rotator.v_freeze AS f
         WHERE f.ends_at > now()
         ORDER BY f.starts_at, f.id
        """
    )


async def is_freeze_known(conn: Connection, freeze_id: UUID) -> bool:
    """Say whether there is such a freeze, over or not."""
    known: bool = await conn.fetchval(
        "SELECT EXISTS (SELECT FROM rotator.v_freeze AS f WHERE f.id = $1)", freeze_id
    )
    return known


async def list_suggestions(
    pool: Pool,
    *,
    bands: list[str],
    confirmed: bool | None,
    after: Position | None,
    limit: int,
    scope: Scope | None,
) -> list[dict[str, Any]]:
    """Return suggestions, the likeliest first; of a scope those with both items in it."""
    wanted = Conditions()
    if bands:
        wanted.add("s.band = ANY (?::text[])", bands)
    if confirmed is not None:
        wanted.add("s.confirmed = ?", confirmed)
    if after is not None:
        wanted.add(
            "(-s.score, s.item_id, s.place_item_id) > (-(?::float8), ?::bigint, ?::bigint)",
            *(after.score, after.item_id, after.place_item_id),
        )
    reach = ids(await reach_of(pool, scope))
    if reach is not None:
        wanted.add("i.vault_id = ANY (?::integer[])", reach)
        wanted.add("p.vault_id = ANY (?::integer[])", reach)
    order = wanted.bind("ORDER BY s.score DESC, s.item_id, s.place_item_id LIMIT ?", limit)
    rows = await pool.fetch(
        statement(_SUGGESTIONS, "WHERE", wanted.where(), order), *wanted.arguments
    )
    return [dict(row) for row in rows]


async def get_look(pool: Pool) -> Record | None:
    """Return when the inventory was read for the suggestions; None before that."""
    return await pool.fetchrow(
        "SELECT l.read_at, l.credentials, l.secrets, l.left_out FROM rotator.v_suggestion_look AS l"
    )
