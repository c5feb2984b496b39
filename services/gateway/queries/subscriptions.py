"""Subscriptions as the scanner publishes them."""

from asyncpg import Record

from shared.database import Pool


async def list_subscriptions(pool: Pool) -> list[Record]:
    """Return every subscription that was ever seen, by name."""
    return await pool.fetch(
        """
        SELECT s.id, s.name, s.state, s.seen_at, s.watched, s.watch_requested_by, s.watch_asked_at,
               s.vaults, s.items, s.unread, s.last_scanned_at, s.grants_outcome, s.grants_reason,
               s.grants_remedy
          FROM scanner.v_subscription AS s
         ORDER BY lower(s.name), s.id
        """
    )


async def is_known(pool: Pool, subscription_id: str) -> bool:
    """Say whether a subscription of this id was ever seen."""
    return bool(
        await pool.fetchval(
            "SELECT EXISTS (SELECT FROM scanner.v_subscription AS s WHERE s.id = $1)",
            subscription_id,
        )
    )
