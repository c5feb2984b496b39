"""Which subscriptions scans look at."""

from datetime import datetime
from uuid import UUID

from shared.database import Connection


async def watch_subscription(
    conn: Connection,
    subscription_id: str,
    *,
    watched: bool,
    requested_by: str,
    asked_at: datetime,
    message_id: UUID,
) -> bool | None:
    """Note whether scans look at it; return what was so before.

    None: there is no such subscription, or a request that was published later came first.
    """
    before: bool | None = await conn.fetchval(
        """
        WITH known AS (
            SELECT s.id, s.watched FROM scanner.subscription s WHERE s.id = $1 FOR UPDATE
        )
        UPDATE scanner.subscription AS s
           SET watched = $2, watch_requested_by = $3, watch_asked_at = $4, watch_message_id = $5
          FROM known
         WHERE s.id = known.id
           AND (s.watch_asked_at IS NULL
                OR (s.watch_asked_at, s.watch_message_id) < ($4, $5))
        RETURNING known.watched
        """,
        subscription_id,
        watched,
        requested_by,
        asked_at,
        message_id,
    )
    return before


async def list_unwatched(conn: Connection) -> frozenset[str]:
    """Return the subscriptions that scans leave out."""
    rows = await conn.fetch("SELECT s.id FROM scanner.subscription s WHERE NOT s.watched")
    return frozenset(row["id"] for row in rows)
