"""The one-time token that makes an administrator: its hash, never itself."""

from dataclasses import dataclass
from datetime import datetime

from shared.database import Connection


@dataclass(frozen=True, slots=True)
class SetupToken:
    """What is kept of a token; `username`: whom it lets in, None for the first administrator."""

    hash: bytes
    username: str | None


async def save_setup_token(
    conn: Connection, token: SetupToken, *, at: datetime, expires_at: datetime
) -> None:
    """Replace the token; an earlier one stops working."""
    await conn.execute(
        """
        INSERT INTO gateway.setup_token (hash, username, created_at, expires_at)
        VALUES ($1, $2, $3, $4)
            ON CONFLICT (one) DO UPDATE
           SET hash = $1, username = $2, created_at = $3, expires_at = $4
        """,
        token.hash,
        token.username,
        at,
        expires_at,
    )


async def lock_setup_token(conn: Connection, now: datetime) -> SetupToken | None:
    """Return the token that works now, locked until the transaction ends, or None."""
    row = await conn.fetchrow(
        "SELECT hash, username FROM gateway.setup_token WHERE expires_at > $1 FOR UPDATE", now
    )
    return SetupToken(**row) if row else None


async def delete_setup_token(conn: Connection) -> None:
    await conn.execute("DELETE FROM gateway.setup_token")
