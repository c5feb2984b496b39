"""Rules on thresholds as the scanner publishes them, and whether there is what they name."""

from typing import Final

from asyncpg import Record

from shared.database import Pool
from shared.events.scanning import ThresholdScope

_KNOWN: Final = {
    ThresholdScope.SUBSCRIPTION: """
        SELECT EXISTS (SELECT FROM scanner.v_vault AS v WHERE v.subscription_id = $1)
        """,
    ThresholdScope.VAULT: """
        SELECT EXISTS (SELECT FROM scanner.v_vault AS v WHERE v.id = $1::text::bigint)
        """,
    ThresholdScope.ITEM: """
        SELECT EXISTS (SELECT FROM scanner.v_item AS i WHERE i.id = $1::text::bigint)
        """,
}


async def list_thresholds(pool: Pool) -> list[Record]:
    """Return every rule, the widest scope first."""
    return await pool.fetch(
        """
        SELECT t.scope, t.name, t.warning_days, t.critical_days, t.warning_percent,
               t.critical_percent, t.requested_by, t.asked_at, t.applied
          FROM scanner.v_threshold AS t
         ORDER BY array_position(
                  ARRAY['global', 'subscription', 'vault', 'tag', 'item'], t.scope), t.name
        """
    )


async def is_known(pool: Pool, scope: ThresholdScope, name: str) -> bool:
    """Say whether the inventory holds what a rule names; a tag may come later."""
    statement = _KNOWN.get(scope)
    return statement is None or await pool.fetchval(statement, name) is True
