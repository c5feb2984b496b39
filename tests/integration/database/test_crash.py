"""PostgreSQL killed with -9 under load: what was committed is there, and the pool heals."""

import asyncio
import os
import signal
from pathlib import Path

from shared.database import Cluster, Pool, create_pool
from shared.errors import TransientError
from tests.support.database import execute

WRITERS = 8
ROWS_BEFORE = 200
ROWS_AFTER = 50


class Ledger:
    """What the writers were told is committed."""

    def __init__(self) -> None:
        self.committed: set[int] = set()
        self.refused = 0
        self.next = 0
        self.wanted = ROWS_BEFORE
        self.reached = asyncio.Event()

    def note(self, number: int) -> None:
        self.committed.add(number)
        if len(self.committed) >= self.wanted:
            self.reached.set()

    async def reach(self, wanted: int) -> None:
        self.wanted = wanted
        self.reached.clear()
        await asyncio.wait_for(self.reached.wait(), 60)


async def write(pool: Pool, ledger: Ledger, stop: asyncio.Event) -> None:
    """Insert number after number; a transient fault repeats the whole transaction."""
    while not stop.is_set():
        number = ledger.next = ledger.next + 1
        while not stop.is_set():
            try:
                async with pool.transaction() as connection:
                    await connection.execute(
                        "INSERT INTO public.ledger VALUES ($1) ON CONFLICT DO NOTHING", number
                    )
                ledger.note(number)
                break
            except TransientError:
                ledger.refused += 1
                await asyncio.sleep(0.01)


async def test_a_kill_under_load_loses_nothing_that_was_committed(state: Path) -> None:
    cluster = Cluster(state).start()
    try:
        await execute(cluster.url("postgres"), "CREATE TABLE public.ledger (n integer PRIMARY KEY)")
        pool = await create_pool(cluster.url("postgres"), service="test", max_size=WRITERS)
        ledger, stop = Ledger(), asyncio.Event()
        writers = [asyncio.create_task(write(pool, ledger, stop)) for _ in range(WRITERS)]
        await ledger.reach(ROWS_BEFORE)
        assert cluster.pid

        os.kill(cluster.pid, signal.SIGKILL)
        await asyncio.to_thread(wait_until_dead, cluster)
        assert not cluster.running
        cluster.start()
        await ledger.reach(len(ledger.committed) + ROWS_AFTER)
        stop.set()
        await asyncio.gather(*writers)

        stored = {row["n"] for row in await pool.fetch("SELECT n FROM public.ledger")}
        await pool.close()
    finally:
        cluster.stop()

    assert ledger.refused > 0
    assert ledger.committed <= stored
    assert len(stored - ledger.committed) <= WRITERS


def wait_until_dead(cluster: Cluster) -> None:
    process = cluster._process
    assert process
    process.wait(30)
