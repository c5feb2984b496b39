"""Forgetting the oldest entries in a way that leaves the rest verifiable.

A chain whose beginning is gone begins at a signed checkpoint instead, and an entry in it says that
it was pruned there. `audit.prune` (SECURITY DEFINER, callable by the gateway alone) is the one way:
it deletes nothing of the last 90 days, whatever it is asked.
"""

from datetime import datetime, timedelta
from typing import Final

from shared.database import Pool

LEAST: Final = timedelta(days=90)
BATCH: Final = 10_000


async def prune(pool: Pool, *, before: datetime, most: int = BATCH) -> int:
    """Delete what was sealed before an instant, a batch in each transaction; return how many went.

    What no checkpoint follows stays, and the newest link always does.
    """
    total = 0
    while done := await pool.fetchval("SELECT audit.prune($1, $2)", before, most):
        total += done
    return total
