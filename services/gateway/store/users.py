"""Users."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.gateway.domain.role import Role
from shared.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Somebody who may sign in, unless disabled."""

    id: UUID
    username: str
    role: Role
    password_hash: str
    disabled: bool


async def get_user(conn: Connection, username: str) -> User | None:
    """Return the user of this name in any case, or None."""
    row = await conn.fetchrow(
        """
        SELECT id, username, role, password_hash, disabled_at IS NOT NULL AS disabled
          FROM gateway.app_user
         WHERE lower(username) = lower($1)
        """,
        username,
    )
    return User(**{**row, "role": Role(row["role"])}) if row else None


async def add_user(
    conn: Connection, *, username: str, role: Role, password_hash: str, at: datetime
) -> UUID:
    """Add a user and return the id."""
    user_id: UUID = await conn.fetchval(
        """
        INSERT INTO gateway.app_user (username, role, password_hash, created_at)
        VALUES ($1, $2, $3, $4)
        RETURNING id
        """,
        username,
        role,
        password_hash,
        at,
    )
    return user_id


async def save_password_hash(conn: Connection, user_id: UUID, password_hash: str) -> None:
    await conn.execute(
        "UPDATE gateway.app_user SET password_hash = $2 WHERE id = $1", user_id, password_hash
    )


async def has_administrator(conn: Connection) -> bool:
    """Return whether there ever was an administrator: then nobody else becomes the first one."""
    return bool(
        await conn.fetchval(
            "SELECT EXISTS (SELECT 1 FROM gateway.app_user AS u WHERE u.role = 'admin')"
        )
    )
