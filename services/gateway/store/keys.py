"""Wrapped data keys and the keys that sign session tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.crypto import Derivation
from shared.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class WrappedKey:
    """A data key, wrapped, and how the wrapping key was derived."""

    purpose: str
    wrapped: str
    derivation: Derivation


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSigningKey:
    """A signing key; the private half is encrypted."""

    kid: str
    public_key: bytes
    private_key: str
    created_at: datetime


async def lock_keyring(conn: Connection) -> list[WrappedKey]:
    """Return the wrapped keys; nobody else changes them until the transaction ends."""
    await conn.execute("LOCK TABLE gateway.keyring IN SHARE ROW EXCLUSIVE MODE")
    rows = await conn.fetch(
        "SELECT purpose, wrapped, salt, iterations FROM gateway.keyring ORDER BY purpose"
    )
    return [
        WrappedKey(
            purpose=row["purpose"],
            wrapped=row["wrapped"],
            derivation=Derivation(row["salt"], row["iterations"]),
        )
        for row in rows
    ]


async def save_wrapped_keys(conn: Connection, keys: Sequence[WrappedKey], at: datetime) -> None:
    """Add or re-wrap keys."""
    for key in keys:
        await conn.execute(
            """
            INSERT INTO gateway.keyring (purpose, wrapped, salt, iterations, created_at, wrapped_at)
            VALUES ($1, $2, $3, $4, $5, $5)
                ON CONFLICT (purpose) DO UPDATE
               SET wrapped = $2, salt = $3, iterations = $4, wrapped_at = $5
            """,
            key.purpose,
            key.wrapped,
            key.derivation.salt,
            key.derivation.iterations,
            at,
        )


async def lock_signing_keys(conn: Connection) -> list[StoredSigningKey]:
    """Return the signing keys, oldest first; nobody else makes one until the transaction ends."""
    await conn.execute("LOCK TABLE gateway.signing_key IN SHARE ROW EXCLUSIVE MODE")
    rows = await conn.fetch(
        """
        SELECT kid, public_key, private_key, created_at
          FROM gateway.signing_key
         ORDER BY created_at
        """
    )
    return [StoredSigningKey(**row) for row in rows]


async def add_signing_key(conn: Connection, key: StoredSigningKey) -> None:
    await conn.execute(
        """
        INSERT INTO gateway.signing_key (kid, public_key, private_key, created_at)
        VALUES ($1, $2, $3, $4)
        """,
        key.kid,
        key.public_key,
        key.private_key,
        key.created_at,
    )


async def delete_signing_keys(conn: Connection, kids: Sequence[str]) -> None:
    await conn.execute("DELETE FROM gateway.signing_key WHERE kid = ANY ($1)", list(kids))
