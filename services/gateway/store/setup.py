"""The one-time token for the first administrator: its hash, never itself."""

from datetime import datetime

from shared.database import Connection


async def save_setup_token(
    conn: Connection, token_hash: bytes, *, at: datetime, expires_at: datetime
) -> None:
    """Replace the token; an earlier one stops working."""
    await conn.execute(
        """
        INSERT INTO gateway.setup_token (hash, created_at, expires_at) VALUES ($1, $2, $3)
            ON CONFLICT (one) DO UPDATE SET hash = $1, created_at = $2, expires_at = $3
        """,
        token_hash,
        at,
        expires_at,
    )


async def lock_setup_token(conn: Connection, now: datetime) -> bytes | None:
    """Return the hash of the token that works now, locked until the transaction ends, or None."""
    token_hash: bytes | None = await conn.fetchval(
        "SELECT hash FROM gateway.setup_token WHERE expires_at > $1 FOR UPDATE", now
    )
    return token_hash


async def delete_setup_token(conn: Connection) -> None:
    await conn.execute("DELETE FROM gateway.setup_token")
