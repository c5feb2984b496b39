"""Rotations whose process is really killed: what it left in PostgreSQL and in the clouds."""

import asyncio
import signal
import sys
from pathlib import Path
from typing import NamedTuple

from services.rotator.domain.rotation import Rotation
from services.rotator.domain.state import State
from services.rotator.store.ledger import get
from tests.support.database import Database
from tests.support.saga.harness import Scene, scene
from tests.support.saga.killed import load, save
from tests.support.saga.ledgers import add
from tests.support.saga.promises import OLD
from tests.support.saga.world import World

COMPLETED = "SELECT count(*) FROM bus.message WHERE type = 'certifyclouds.rotation.completed.v1'"
SECONDS = 60.0


class Left(NamedTuple):
    """What is there when everything is over, and whether the first process was killed."""

    rotation: Rotation
    world: World
    completions: int
    killed: bool


async def killed_at(database: Database, folder: Path, point: int) -> Left:
    """Kill a rotator at a checkpoint and let another one finish."""
    file, began = folder / f"world-{point}", scene()
    save(began.world, file)
    async with database.pool("rotator") as pool, pool.transaction() as conn:
        await add(conn, began.rotation)
    ended = await _run(database, file, point)
    killed = ended == -signal.SIGKILL
    if killed:
        ended = await _run(database, file, 0)
    assert ended == 0
    return await _left(database, began, file, killed=killed)


async def _run(database: Database, file: Path, point: int) -> int:
    argv = ["-m", "tests.support.saga.killed", database.url("rotator"), str(file), str(point)]
    process = await asyncio.create_subprocess_exec(sys.executable, *argv)
    async with asyncio.timeout(SECONDS):
        return await process.wait()


async def _left(database: Database, began: Scene, file: Path, *, killed: bool) -> Left:
    async with database.pool("rotator") as pool, pool.acquire() as conn:
        rotation = await get(conn, began.rotation.id)
    async with database.connection() as conn:
        completions = await conn.fetchval(COMPLETED)
    return Left(rotation, load(file), completions, killed)


def broken(left: Left) -> list[str]:
    """Return what is not as promised."""
    rotation, world = left.rotation, left.world
    found = list(dict.fromkeys(world.broken))
    if rotation.state is not State.COMPLETED:
        found.append(f"it ended in {rotation.state}: {rotation.reason}")
    if orphans := world.marked() - {rotation.new_key_id or ""}:
        found.append(f"orphans: {sorted(orphans)}")
    if world.alive(OLD):
        found.append("the old credential is still alive")
    if left.completions != 1:
        found.append(f"{left.completions} completion events")
    return found
