"""After a change of a rule on thresholds: items in its scope get their windows anew.

Vault by vault and in batches, each a transaction that says how far it came, so a crash costs one
batch. What a scan writes meanwhile is judged by the new rule already: `lock_rules` sees to that.
"""

from typing import Final

from services.scanner.domain.rule import RuleBook
from services.scanner.domain.status import DEFAULT, Thresholds, windows
from services.scanner.domain.threshold import first_look
from services.scanner.store import thresholds as store
from services.scanner.store.locks import Task, lock_vault, try_task
from services.scanner.store.thresholds import Judged
from shared.database import Connection, Pool

BATCH: Final = 2_000


async def rejudge(pool: Pool, *, base: Thresholds = DEFAULT) -> int:
    """Work off what changed rules left to do, and return how many items have other windows now.

    Without the lease nothing is done: another replica is at it.
    """
    changed = 0
    while True:
        async with pool.transaction() as conn:
            if not await try_task(conn, Task.REJUDGE):
                return changed
            backlog = await store.get_backlog(conn)
            if backlog is None:
                return changed
            await lock_vault(conn, backlog.vault_id)
            items = await store.list_judged(conn, backlog, limit=BATCH)
            changed += await _judge(conn, items, base)
            more = len(items) == BATCH
            await store.save_backlog(conn, backlog, items[-1].item_id if more else None)


async def _judge(conn: Connection, items: list[Judged], base: Thresholds) -> int:
    book = RuleBook(await store.list_rules(conn), base)
    found = []
    for one in items:
        thresholds = book.resolve(one.place)
        bounds = windows(one.item, thresholds)
        if bounds is not None and bounds != one.windows:
            found.append((one.item_id, bounds, first_look(one.item, thresholds)))
    await store.save_windows(conn, found)
    return len(found)
