"""Handling a message once: the handler notes it in the transaction in which it acts.

Every bus here delivers at least once. A handler that begins its transaction with `claim` and
returns when it is told False has its effect exactly once, whatever is delivered again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from shared.bus.message import Message
    from shared.database import Connection, Pool

KEEP_DAYS: Final = 14


async def claim(conn: Connection, message: Message, handler: str) -> bool:
    """Note that `handler` handles `message`; False when it already did, and nothing is to be done.

    The row lives in the caller's own schema and transaction: if that rolls back, so does the claim.
    Two deliveries at once wait for one another here.
    """
    row = await conn.fetchval(
        """
        INSERT INTO inbox (message_id, handler) VALUES ($1, $2)
        ON CONFLICT (message_id, handler) DO NOTHING
        RETURNING true
        """,
        message.id,
        handler,
    )
    return row is True


async def forget(pool: Pool, *, keep_days: int = KEEP_DAYS) -> int:
    """Delete notes older than any redelivery; returns how many."""
    tag = await pool.execute(
        "DELETE FROM inbox WHERE handled_at < now() - make_interval(days => $1)", keep_days
    )
    return int(tag.rpartition(" ")[2])
