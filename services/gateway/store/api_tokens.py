"""API tokens: the rows that programs' tokens are found by."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from asyncpg import Record

from services.gateway.domain.api_token import ApiToken
from services.gateway.domain.rate import Bucket
from services.gateway.domain.role import Permission, Role
from services.gateway.store.limits import take_token
from shared.database import Connection, Pool

_SELECT: Final = """
    SELECT t.id, t.user_id, u.username, u.role, u.scope, u.disabled_at IS NOT NULL AS user_disabled,
           u.must_change_password, t.name, t.permissions, t.networks, t.created_at, t.expires_at,
           t.last_used_at, t.revoked_at
      FROM gateway.api_token AS t
      JOIN gateway.app_user AS u ON u.id = t.user_id
"""


async def add_api_token(
    conn: Connection,
    *,
    user_id: UUID,
    name: str,
    hash_: bytes,
    permissions: Iterable[Permission],
    networks: Iterable[str],
    at: datetime,
    expires_at: datetime,
) -> UUID | None:
    """Add a token and return its id, or None where its user has a living one of this name."""
    token_id: UUID | None = await conn.fetchval(
        """
        INSERT INTO gateway.api_token (
               user_id, name, hash, permissions, networks, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
            ON CONFLICT (user_id, lower(name)) WHERE revoked_at IS NULL DO NOTHING
        RETURNING id
        """,
        user_id,
        name,
        hash_,
        sorted(permissions),
        list(networks),
        at,
        expires_at,
    )
    return token_id


async def find_api_token(pool: Pool, hash_: bytes) -> ApiToken | None:
    """Return the token with this fingerprint and its user's present rights, or None."""
    row = await pool.fetchrow(_SELECT + " WHERE t.hash = $1", hash_)
    return _token(dict(row)) if row else None


async def get_api_token(pool: Pool, token_id: UUID) -> ApiToken | None:
    row = await pool.fetchrow(_SELECT + " WHERE t.id = $1", token_id)
    return _token(dict(row)) if row else None


async def list_api_tokens(pool: Pool, user_id: UUID) -> list[Record]:
    """Return a user's tokens that were not revoked, the newest first."""
    return await pool.fetch(
        """
        SELECT t.id, t.name, t.permissions, t.networks, t.created_at, t.expires_at, t.last_used_at
          FROM gateway.api_token AS t
         WHERE t.user_id = $1 AND t.revoked_at IS NULL
         ORDER BY t.created_at DESC, t.id
        """,
        user_id,
    )


async def touch_api_token(pool: Pool, token_id: UUID, at: datetime) -> None:
    """Record that a token was used."""
    await pool.execute(
        "UPDATE gateway.api_token SET last_used_at = greatest(last_used_at, $2) WHERE id = $1",
        token_id,
        at,
    )


async def revoke_api_token(
    conn: Connection, user_id: UUID, token_id: UUID, at: datetime
) -> str | None:
    """Revoke one of a user's tokens; return its name, or None when there is no such one."""
    name: str | None = await conn.fetchval(
        """
        UPDATE gateway.api_token SET revoked_at = $3
         WHERE id = $2 AND user_id = $1 AND revoked_at IS NULL
        RETURNING name
        """,
        user_id,
        token_id,
        at,
    )
    return name


async def revoke_api_tokens(conn: Connection, user_id: UUID, at: datetime) -> int:
    """Revoke all of a user's tokens; return how many."""
    tag = await conn.execute(
        """
        UPDATE gateway.api_token SET revoked_at = $2
         WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2
        """,
        user_id,
        at,
    )
    return int(tag.rpartition(" ")[2])


async def delete_api_tokens(pool: Pool, *, ended_before: datetime) -> None:
    """Forget tokens that ended long ago."""
    await pool.execute("DELETE FROM gateway.api_token WHERE expires_at < $1", ended_before)


async def spend(
    pool: Pool, user_id: UUID, *, capacity: int, per_second: float, at: datetime
) -> Bucket:
    """Take one request from a user's limit, which sessions and tokens share."""
    return await take_token(
        pool, f"user/{user_id}", capacity=capacity, per_second=per_second, at=at
    )


def _token(row: dict[str, Any]) -> ApiToken:
    permissions = frozenset(Permission(word) for word in row.pop("permissions") if word in _KNOWN)
    networks = tuple(row.pop("networks"))
    return ApiToken(
        **{**row, "role": Role(row["role"])}, permissions=permissions, networks=networks
    )


# A permission that a later release knows and this one does not opens nothing here.
_KNOWN: Final = frozenset(Permission)
