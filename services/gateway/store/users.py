"""Users."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from services.gateway.domain.person import Person
from services.gateway.domain.role import Role
from shared.database import Connection, Pool

_PERSON: Final = """
    SELECT u.id, u.username, u.role, u.scope, u.disabled_at IS NOT NULL AS disabled,
           u.must_change_password, u.created_at, u.revision
      FROM gateway.app_user AS u
     WHERE u.removed_at IS NULL
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Somebody who may sign in, unless disabled."""

    id: UUID
    username: str
    role: Role
    scope: str
    password_hash: str
    must_change_password: bool
    disabled: bool


async def get_user(conn: Connection, username: str) -> User | None:
    """Return the user of this name in any case, or None."""
    row = await conn.fetchrow(
        """
        SELECT id, username, role, scope, password_hash, must_change_password,
               disabled_at IS NOT NULL AS disabled
          FROM gateway.app_user
         WHERE lower(username) = lower($1)
        """,
        username,
    )
    return User(**{**row, "role": Role(row["role"])}) if row else None


async def hold_password(conn: Connection, user: User) -> bool:
    """Say whether the user still has this password and may sign in; it stays so to the commit."""
    held = await conn.fetchval(
        """
        SELECT true FROM gateway.app_user
         WHERE id = $1 AND password_hash = $2 AND disabled_at IS NULL
           FOR SHARE
        """,
        user.id,
        user.password_hash,
    )
    return held is True


async def add_user(
    conn: Connection,
    *,
    username: str,
    role: Role,
    password_hash: str,
    at: datetime,
    scope: str = "",
    must_change_password: bool = False,
) -> UUID | None:
    """Add a user and return the id, or None where somebody has, or had, the name in any case."""
    user_id: UUID | None = await conn.fetchval(
        """
        INSERT INTO gateway.app_user (
               username, role, password_hash, created_at, scope, must_change_password)
        VALUES ($1, $2, $3, $4, $5, $6)
            ON CONFLICT (lower(username)) DO NOTHING
        RETURNING id
        """,
        username,
        role,
        password_hash,
        at,
        scope,
        must_change_password,
    )
    return user_id


async def list_people(pool: Pool) -> list[Person]:
    """Return everybody who was not removed, by name."""
    rows = await pool.fetch(_PERSON + " ORDER BY lower(u.username)")
    return [_person(dict(row)) for row in rows]


async def get_person(pool: Pool | Connection, user_id: UUID) -> Person | None:
    row = await pool.fetchrow(_PERSON + " AND u.id = $1", user_id)
    return _person(dict(row)) if row else None


async def lock_people(conn: Connection, ids: Iterable[UUID]) -> dict[UUID, Person]:
    """Return these people, locked in one order until the transaction ends."""
    rows = await conn.fetch(_PERSON + " AND u.id = ANY ($1) ORDER BY u.id FOR UPDATE", list(ids))
    return {row["id"]: _person(dict(row)) for row in rows}


async def save_person(conn: Connection, person: Person, at: datetime) -> None:
    """Write role, scope and whether somebody may sign in, and count the change."""
    await conn.execute(
        """
        UPDATE gateway.app_user
           SET role = $2, scope = $3, revision = revision + 1,
               disabled_at = CASE WHEN $4 THEN coalesce(disabled_at, $5) END
         WHERE id = $1
        """,
        person.id,
        person.role,
        person.scope,
        person.disabled,
        at,
    )


async def remove_user(conn: Connection, user_id: UUID, at: datetime) -> None:
    """Remove somebody for good; the name stays taken."""
    await conn.execute(
        """
        UPDATE gateway.app_user
           SET removed_at = $2, disabled_at = coalesce(disabled_at, $2), revision = revision + 1
         WHERE id = $1
        """,
        user_id,
        at,
    )


async def set_password(
    conn: Connection, user_id: UUID, password_hash: str, *, must_change: bool
) -> None:
    """Give somebody another password; `must_change`: whoever set it knows it too."""
    await conn.execute(
        """
        UPDATE gateway.app_user
           SET password_hash = $2, must_change_password = $3, revision = revision + 1
         WHERE id = $1
        """,
        user_id,
        password_hash,
        must_change,
    )


async def save_password_hash(conn: Connection, user_id: UUID, password_hash: str) -> None:
    """Keep the same password under today's parameters."""
    await conn.execute(
        "UPDATE gateway.app_user SET password_hash = $2 WHERE id = $1", user_id, password_hash
    )


async def restore_administrator(conn: Connection, user_id: UUID, password_hash: str) -> None:
    """Make somebody an administrator of everything who can sign in, whatever they were."""
    await conn.execute(
        """
        UPDATE gateway.app_user
           SET role = 'admin', scope = '', password_hash = $2, must_change_password = false,
               disabled_at = NULL, removed_at = NULL, revision = revision + 1
         WHERE id = $1
        """,
        user_id,
        password_hash,
    )


async def has_administrator(conn: Connection) -> bool:
    """Return whether there ever was an administrator: then nobody else becomes the first one."""
    return bool(
        await conn.fetchval(
            "SELECT EXISTS (SELECT 1 FROM gateway.app_user AS u WHERE u.role = 'admin')"
        )
    )


def _person(row: dict[str, Any]) -> Person:
    return Person(**{**row, "role": Role(row["role"])})
