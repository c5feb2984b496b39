"""Second factors and recovery codes."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFactor:
    """Somebody's device: its secret, encrypted, and whether a code has proved that it is there."""

    secret: str
    confirmed: bool


async def get_factor(conn: Connection, user_id: UUID) -> StoredFactor | None:
    row = await conn.fetchrow(
        """
        SELECT secret, confirmed_at IS NOT NULL AS confirmed
          FROM gateway.second_factor
         WHERE user_id = $1
        """,
        user_id,
    )
    return StoredFactor(**row) if row else None


async def begin_factor(conn: Connection, user_id: UUID, secret: str, at: datetime) -> bool:
    """Keep a new secret that no code has confirmed yet; False where one is confirmed already."""
    begun = await conn.fetchval(
        """
        INSERT INTO gateway.second_factor AS f (user_id, secret, created_at) VALUES ($1, $2, $3)
            ON CONFLICT (user_id) DO UPDATE
           SET secret = $2, created_at = $3, last_step = 0
         WHERE f.confirmed_at IS NULL
        RETURNING true
        """,
        user_id,
        secret,
        at,
    )
    return begun is True


async def use_step(conn: Connection, user_id: UUID, step: int) -> bool:
    """Use up a time step and all before it; False when a code of it, or a later one, was used."""
    tag = await conn.execute(
        "UPDATE gateway.second_factor SET last_step = $2 WHERE user_id = $1 AND last_step < $2",
        user_id,
        step,
    )
    return tag == "UPDATE 1"


async def confirm_factor(conn: Connection, user_id: UUID, at: datetime) -> None:
    await conn.execute(
        "UPDATE gateway.second_factor SET confirmed_at = $2 WHERE user_id = $1", user_id, at
    )


async def replace_codes(conn: Connection, user_id: UUID, hashes: Iterable[bytes]) -> None:
    """Give somebody these recovery codes; earlier ones stop working."""
    await conn.execute("DELETE FROM gateway.recovery_code WHERE user_id = $1", user_id)
    await conn.execute(
        "INSERT INTO gateway.recovery_code (user_id, hash) SELECT $1, unnest($2::bytea[])",
        user_id,
        list(hashes),
    )


async def use_code(conn: Connection, user_id: UUID, hash_: bytes, at: datetime) -> bool:
    """Use up a recovery code; False when there is none like it, or it was used."""
    tag = await conn.execute(
        """
        UPDATE gateway.recovery_code SET used_at = $3
         WHERE user_id = $1 AND hash = $2 AND used_at IS NULL
        """,
        user_id,
        hash_,
        at,
    )
    return tag == "UPDATE 1"


async def remove_factor(conn: Connection, user_id: UUID) -> bool:
    """Remove device and codes; False when there was no device."""
    await conn.execute("DELETE FROM gateway.recovery_code WHERE user_id = $1", user_id)
    tag = await conn.execute("DELETE FROM gateway.second_factor WHERE user_id = $1", user_id)
    return tag == "DELETE 1"
