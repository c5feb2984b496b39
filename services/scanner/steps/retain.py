"""What is kept and for how long: the posture of each day stays, old scans and changes go."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from services.scanner.store import posture, retention
from services.scanner.store.locks import Task, try_task
from services.scanner.store.looks import get_time
from shared.database import Connection, Pool
from shared.telemetry import get_logger

logger = get_logger(__name__)

SCANS_AT_ONCE: Final = 20
ROWS_AT_ONCE: Final = 2_000


async def retain(pool: Pool, *, keep_days: int, now: datetime | None = None) -> int:
    """Write today's posture, delete what is too old, and return how many rows were deleted.

    Age is counted from the newest scan that ended, not from a clock that may be ahead: what was
    found last is never too old, however long ago that is. Each batch is a transaction of its own,
    under a lease; without it nothing is done: another replica is at it.
    """
    async with pool.transaction() as conn:
        if not await try_task(conn, Task.RETENTION):
            return 0
        moment = now or await get_time(conn)
        await posture.save_posture(conn, moment.astimezone(UTC).date(), moment)
        newest = await retention.newest_scan(conn)
        if newest is None:
            return 0
        before = min(moment, newest) - timedelta(days=keep_days)
        await retention.save_horizon(conn, before)
        vaults = await retention.list_vaults(conn, before)
    deletes: list[tuple[Callable[..., Awaitable[int]], int]] = [
        (retention.delete_scans, SCANS_AT_ONCE),
        (retention.delete_changes, ROWS_AT_ONCE),
        *((partial(retention.delete_items, vault_id=one), ROWS_AT_ONCE) for one in vaults),
        (retention.delete_runs, ROWS_AT_ONCE),
    ]
    deleted = 0
    for delete, limit in deletes:
        while done := await _batch(pool, lambda conn: delete(conn, before, limit=limit)):  # noqa: B023 - called before the loop goes on
            deleted += done
            if done < limit:
                break
    if deleted:
        logger.info("what was kept long enough is deleted", rows=deleted, keep_days=keep_days)
    return deleted


async def _batch(pool: Pool, delete: Callable[[Connection], Awaitable[int]]) -> int:
    async with pool.transaction() as conn:
        return await delete(conn) if await try_task(conn, Task.RETENTION) else 0
