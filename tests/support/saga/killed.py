"""A rotator in a process of its own, on PostgreSQL, that kills itself at a checkpoint.

`python -m tests.support.saga.killed DATABASE_URL WORLD POINT` takes the rotation in the database as
far as it goes; POINT 0 is never. The clouds are a file, written whole at each checkpoint, so what
had an effect before the kill still has it. Time passes by moving what the database waits for.
"""

import asyncio
import os
import pickle
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from services.rotator.domain.rotation import Rotation
from services.rotator.ports import Lease
from services.rotator.steps import saga
from services.rotator.steps.hand import Hand
from services.rotator.steps.turn import Parts
from services.rotator.store.budgets import Rates
from services.rotator.store.lease import EFFECT_SECONDS
from services.rotator.store.ledger import PostgresLedger
from shared.bus import Bus
from shared.database import Connection, Pool, create_pool
from shared.telemetry import configure_logging
from tests.support.saga.checkpoint import checkpoint, install
from tests.support.saga.ledgers import SHIFT, UNHURRIED
from tests.support.saga.memory import WorldCopies, WorldDriver, WorldVault
from tests.support.saga.world import World

LEFT = """
    SELECT extract(epoch FROM min(
               greatest(r.due_at, t.lease_until + make_interval(secs => $1))) - now())::float8
      FROM rotator.rotation AS r
      JOIN rotator.credential AS c ON c.id = r.credential_id
      JOIN rotator.target AS t ON t.driver = c.driver AND t.name = c.target
     WHERE NOT r.over
"""
OWN = """
    SELECT extract(epoch FROM min(r.due_at) - now())::float8
      FROM rotator.rotation AS r
      JOIN rotator.credential AS c ON c.id = r.credential_id
      JOIN rotator.target AS t ON t.driver = c.driver AND t.name = c.target
     WHERE NOT r.over AND t.lease_owner = $1
"""


class WatchedLedger(PostgresLedger):
    """The real ledger, with a checkpoint before and after each claim and each commit."""

    async def claim(self) -> Lease | None:
        await checkpoint("before claim")
        lease = await super().claim()
        await checkpoint("after claim")
        return lease

    async def record(
        self, lease: Lease, after: Rotation, *, wait: float | None = None, keep: bool = False
    ) -> Lease:
        await checkpoint("before commit")
        noted = await super().record(lease, after, wait=wait, keep=keep)
        await checkpoint("after commit")
        return noted


def save(world: World, file: Path) -> None:
    """Write the clouds down with the time, whole or not at all."""
    fresh = file.with_suffix(".new")
    fresh.write_bytes(pickle.dumps((world, time.time())))
    fresh.replace(file)


def load(file: Path) -> World:
    """Return the clouds as they were left; the time that passed since then passed for them too."""
    world: World
    world, left_at = pickle.loads(file.read_bytes())  # noqa: S301 - the test's own file
    world.now += time.time() - left_at
    return world


def watch(world: World, file: Path, point: int) -> Callable[[str], None]:
    """Return what is called at each checkpoint: it saves the clouds, and kills when it is time.

    The database's clock runs on meanwhile; so does the clouds'.
    """
    passed, seen_at = 0, time.time()

    def pass_by(_: str) -> None:
        nonlocal passed, seen_at
        now = time.time()
        world.now, seen_at = world.now + now - seen_at, now
        passed += 1
        save(world, file)
        if passed == point:
            os.kill(os.getpid(), signal.SIGKILL)

    return pass_by


async def go_on(pool: Pool, world: World) -> None:
    """Take every step until the rotation is over."""
    owner = uuid4()
    parts = Parts(
        ledger=WatchedLedger(
            pool,
            Bus("", service="rotator", pool=pool),
            owner,
            Rates(vault=UNHURRIED, target=UNHURRIED),
        ),
        drivers={"world": WorldDriver(world)},
        vault=WorldVault(world),
        copies=WorldCopies(world),
        hand=Hand(lambda: world.now),
    )
    while True:
        if await saga.turn(parts) is not None:
            continue
        async with pool.acquire() as conn:
            left = await conn.fetchval(OWN, owner)
            if left is None:
                left = await conn.fetchval(LEFT, EFFECT_SECONDS)
            if left is None:
                return
            await let_pass(conn, world, max(left, 0.0) + 0.5)


async def let_pass(conn: Connection, world: World, seconds: float) -> None:
    """Let time pass, for the database and for the clouds."""
    await conn.execute(SHIFT, seconds)
    world.now += seconds
    world.catch_up()
    world.check()


async def main(database_url: str, file: Path, point: int) -> None:
    """Go on from where a killed process stopped."""
    world = load(file)
    install(watch(world, file, point))
    pool = await create_pool(database_url, service="rotator", max_size=2)
    await go_on(pool, world)
    save(world, file)


if __name__ == "__main__":
    configure_logging("ERROR")
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
