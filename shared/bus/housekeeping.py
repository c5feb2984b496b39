"""What every service does for the bus now and then: measure, and delete what nobody needs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from shared.bus import inbox, store
from shared.bus.metrics import Metrics
from shared.bus.tasks import every

if TYPE_CHECKING:
    from shared.database import Pool

MEASURE_SECONDS: Final = 10.0
COLLECT_SECONDS: Final = 60.0
FORGET_SECONDS: Final = 3600.0
KEEP_SECONDS: Final = 3600.0
BATCH: Final = 5000


def housekeeping(pool: Pool, metrics: Metrics, queues: Sequence[str]) -> list[asyncio.Task[None]]:
    """Start the tasks; whoever finds another session collecting leaves it to that one."""

    async def measure() -> None:
        depth, age = await store.waiting(pool, queues)
        metrics.outbox_depth.set(depth)
        metrics.outbox_age.set(age)

    async def collect() -> None:
        more = True
        while more:
            more = await store.collect(pool, keep_seconds=KEEP_SECONDS, limit=BATCH) == BATCH

    return [
        every(MEASURE_SECONDS, measure, "bus outbox"),
        every(COLLECT_SECONDS, collect, "bus collect"),
        every(FORGET_SECONDS, lambda: inbox.forget(pool), "bus inbox"),
    ]
