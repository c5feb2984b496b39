"""Rows that hold something encrypted, while they are encrypted anew."""

from dataclasses import dataclass

from asyncpg import Record

from shared.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class EncryptedRow:
    """A row's id as its place is named by it, and the encrypted text."""

    id: str
    text: str


async def lock_older_factor(conn: Connection, version: int) -> EncryptedRow | None:
    """Return a second factor whose key is older; its user waits until the transaction ends."""
    return _to_row(
        await conn.fetchrow(
            """
            SELECT user_id::text AS id, secret AS text
              FROM gateway.second_factor
             WHERE key_version < $1
             ORDER BY key_version, user_id
             LIMIT 1
               FOR UPDATE
            """,
            version,
        )
    )


async def save_factor(conn: Connection, row: EncryptedRow) -> None:
    await conn.execute(
        "UPDATE gateway.second_factor SET secret = $2 WHERE user_id = $1::text::uuid",
        row.id,
        row.text,
    )


async def lock_older_signing_key(conn: Connection, version: int) -> EncryptedRow | None:
    """Return a signing key whose key is older; a replica that reads them waits meanwhile.

    The table is locked as a reader locks it: two orders of locks would end in a deadlock.
    """
    await conn.execute("LOCK TABLE gateway.signing_key IN SHARE ROW EXCLUSIVE MODE")
    return _to_row(
        await conn.fetchrow(
            """
            SELECT kid AS id, private_key AS text
              FROM gateway.signing_key
             WHERE key_version < $1
             ORDER BY kid
             LIMIT 1
            """,
            version,
        )
    )


async def save_signing_key(conn: Connection, row: EncryptedRow) -> None:
    await conn.execute(
        "UPDATE gateway.signing_key SET private_key = $2 WHERE kid = $1", row.id, row.text
    )


def _to_row(row: Record | None) -> EncryptedRow | None:
    return EncryptedRow(**row) if row else None
