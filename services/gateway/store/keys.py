"""Wrapped data keys and the keys that sign session tokens."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from asyncpg import Record

from services.gateway.domain.keyring import KeyName
from shared.crypto import Derivation
from shared.database import Connection, Pool


@dataclass(frozen=True, slots=True, kw_only=True)
class WrappedKey:
    """A data key, wrapped, and how the wrapping key was derived."""

    name: KeyName
    wrapped: str
    derivation: Derivation


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSigningKey:
    """A signing key; the private half is encrypted."""

    kid: str
    public_key: bytes
    private_key: str
    created_at: datetime


async def read_keyring(conn: Connection) -> list[WrappedKey]:
    """Return the wrapped keys as one statement sees them; it waits for nobody."""
    return _to_keys(
        await conn.fetch(
            """
            SELECT purpose, version, wrapped, salt, iterations
              FROM gateway.keyring
             ORDER BY purpose, version
            """
        )
    )


async def lock_keyring(conn: Connection) -> list[WrappedKey]:
    """Return the wrapped keys; nobody else adds or changes one until the transaction ends."""
    await conn.execute("LOCK TABLE gateway.keyring IN SHARE ROW EXCLUSIVE MODE")
    return await read_keyring(conn)


async def lock_wrapped_keys(conn: Connection) -> list[WrappedKey]:
    """Return the wrapped keys; until the transaction ends others read them and change none."""
    return _to_keys(
        await conn.fetch(
            """
            SELECT purpose, version, wrapped, salt, iterations
              FROM gateway.keyring
             ORDER BY purpose, version
               FOR NO KEY UPDATE
            """
        )
    )


async def add_wrapped_keys(conn: Connection, keys: Sequence[WrappedKey], at: datetime) -> None:
    for key in keys:
        await conn.execute(
            """
            INSERT INTO gateway.keyring
                   (purpose, version, wrapped, salt, iterations, created_at, wrapped_at)
            VALUES ($1, $2, $3, $4, $5, $6, $6)
            """,
            *_row(key),
            at,
        )


async def save_wrapped_key(conn: Connection, key: WrappedKey, at: datetime) -> None:
    """Replace how a key is wrapped; the key is the same."""
    await conn.execute(
        """
        UPDATE gateway.keyring
           SET wrapped = $3, salt = $4, iterations = $5, wrapped_at = $6
         WHERE purpose = $1 AND version = $2
        """,
        *_row(key),
        at,
    )


def _to_keys(rows: Iterable[Record]) -> list[WrappedKey]:
    return [
        WrappedKey(
            name=KeyName(row["purpose"], row["version"]),
            wrapped=row["wrapped"],
            derivation=Derivation(row["salt"], row["iterations"]),
        )
        for row in rows
    ]


def _row(key: WrappedKey) -> tuple[str, int, str, bytes, int]:
    how = key.derivation
    return key.name.purpose, key.name.version, key.wrapped, how.salt, how.iterations


async def hold_newest(conn: Connection, purpose: str) -> int:
    """Return the newest version of a purpose's key; it cannot go until the transaction ends."""
    version: int = await conn.fetchval(
        """
        SELECT version
          FROM gateway.keyring
         WHERE purpose = $1
         ORDER BY version DESC
         LIMIT 1
           FOR KEY SHARE
        """,
        purpose,
    )
    return version


async def lock_older_keys(conn: Connection, newest: KeyName) -> Sequence[KeyName]:
    """Return a purpose's keys before this one.

    Who encrypts holds the key until the row is there: this waits for them, and they for this.
    """
    rows = await conn.fetch(
        """
        SELECT purpose, version
          FROM gateway.keyring
         WHERE purpose = $1 AND version < $2
         ORDER BY version
           FOR UPDATE
        """,
        newest.purpose,
        newest.version,
    )
    return [KeyName(**row) for row in rows]


async def delete_older_keys(conn: Connection, newest: KeyName) -> None:
    """Delete a purpose's keys before this one; the database refuses while a row needs one."""
    await conn.execute(
        "DELETE FROM gateway.keyring WHERE purpose = $1 AND version < $2",
        newest.purpose,
        newest.version,
    )


async def list_data_keys(pool: Pool) -> list[Record]:
    """Return when each data key was made and wrapped, and in how many rounds; no key."""
    return await pool.fetch(
        """
        SELECT purpose, version, created_at, wrapped_at, iterations
          FROM gateway.keyring
         ORDER BY purpose, version
        """
    )


async def list_signing_keys(pool: Pool) -> list[Record]:
    """Return the names and ages of the keys that sign sessions, newest first; no key."""
    return await pool.fetch(
        "SELECT kid, created_at FROM gateway.signing_key ORDER BY created_at DESC"
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
