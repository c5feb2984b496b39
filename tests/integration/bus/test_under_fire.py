"""Twenty thousand events while everything around them is stopped, killed and torn down.

Ten thousand scans are asked for and answered; every effect is counted. Each blow falls when the
flow has got so far, whatever the machine's speed.
"""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path

import pytest

from shared.errors import TransientError
from tests.support.bus import Rig
from tests.support.crew import Crew
from tests.support.database import Database
from tests.support.leftovers import bears_leftovers
from tests.support.namespace import Namespace
from tests.support.rabbitmq import Node
from tests.support.under_fire import SENT, SERVICES, TABLES
from tests.support.waiting import eventually

SCANS = 10_000
LIMIT_SECONDS = 280

Blow = Callable[[], Awaitable[None]]


async def under_fire(rig: Rig, folder: Path, blows: Callable[[Crew], Sequence[Blow]]) -> None:
    """Let the blows fall, evenly over the flow; then every event has had its effect just once."""
    await make_tables(rig.database)
    members = {name: (name, rig.database.url(name), rig.url, str(SCANS)) for name in SERVICES}
    async with Crew(folder, "tests.support.under_fire", members) as crew:
        falling = blows(crew)
        for place, blow in enumerate(falling, 1):
            part = place * len(SERVICES) * SCANS // (len(falling) + 1)
            await reached(rig.database, crew, part)
            await blow()
        await reached(rig.database, crew, len(SERVICES) * SCANS)
        await eventually(lambda: nothing_left(rig), seconds=60, pause=0.5)
    print(f"ended: {dict(crew.ends)}; dropped as seen before: {crew.said('dropped')}")
    assert await effects(rig.database) == dict.fromkeys(SERVICES, (SCANS, SCANS))
    assert await rig.dead_letters() == []
    killed = {("scanner", -signal.SIGKILL): 1, ("gateway", -signal.SIGKILL): 1}
    assert crew.ends == killed, crew.complaints()


async def make_tables(database: Database) -> None:
    async with database.connection() as conn:
        for service in SERVICES:
            await conn.execute(f"DROP TABLE IF EXISTS {service}.effect")
            await conn.execute(f"SET ROLE {service}_owner")
            await conn.execute(TABLES.format(service))
            await conn.execute("RESET ROLE")
        await conn.execute("DROP TABLE IF EXISTS gateway.sent")
        await conn.execute("SET ROLE gateway_owner")
        await conn.execute(SENT)


async def reached(database: Database, crew: Crew, number: int) -> None:
    async def look() -> bool:
        try:
            found = await effects(database)
        except (TransientError, OSError):
            return False
        return sum(rows for rows, _ in found.values()) >= number

    try:
        await eventually(look, seconds=LIMIT_SECONDS, pause=0.3)
    except AssertionError as late:
        raise AssertionError(f"{number} effects {late}; {crew.complaints()}") from None


async def effects(database: Database) -> dict[str, tuple[int, int]]:
    """Return how many effects each service had, and on how many events."""
    async with database.connection() as conn:
        return {
            name: tuple(
                await conn.fetchrow(f"SELECT count(*), count(DISTINCT number) FROM {name}.effect")  # noqa: S608 - our own names
            )
            for name in SERVICES
        }


async def nothing_left(rig: Rig) -> bool:
    try:
        return await rig.left() == 0
    except TransientError:
        return False


async def kill_postgresql(rig: Rig) -> None:
    cluster = rig.database.cluster
    assert cluster.pid
    os.kill(cluster.pid, signal.SIGKILL)
    await eventually(lambda: not cluster.running)
    cluster.start()


async def restart_postgresql(rig: Rig) -> None:
    rig.database.cluster.stop()
    rig.database.cluster.start()


async def end_sessions(rig: Rig) -> None:
    async with rig.database.connection() as conn:
        ended = await conn.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    assert len(ended) >= len(SERVICES)


async def kill(crew: Crew, name: str) -> None:
    crew.kill(name)


async def test_twenty_thousand_events_on_postgresql(embedded: Rig, tmp_path: Path) -> None:
    await under_fire(
        embedded,
        tmp_path,
        lambda crew: [
            partial(end_sessions, embedded),
            partial(kill, crew, "scanner"),
            partial(kill_postgresql, embedded),
            partial(kill, crew, "gateway"),
            partial(restart_postgresql, embedded),
            partial(kill_postgresql, embedded),
        ],
    )


@pytest.mark.rabbitmq
async def test_twenty_thousand_events_on_rabbitmq(
    external: Rig, rabbitmq: Node, tmp_path: Path
) -> None:
    async def restart(end: Callable[[], None]) -> None:
        await asyncio.to_thread(end)
        await asyncio.to_thread(rabbitmq.start)

    async def drop_connections() -> None:
        await asyncio.to_thread(rabbitmq.control, "close_all_connections", "a test")

    await under_fire(
        external,
        tmp_path,
        lambda crew: [
            drop_connections,
            partial(restart, rabbitmq.stop),
            partial(kill, crew, "scanner"),
            partial(kill_postgresql, external),
            partial(restart, rabbitmq.kill),
            partial(kill, crew, "gateway"),
        ],
    )


@bears_leftovers
async def test_twenty_thousand_events_on_service_bus(
    namespaced: Rig, service_bus: Namespace, tmp_path: Path
) -> None:
    async def restart(how: signal.Signals) -> None:
        await asyncio.to_thread(service_bus.stop, how)
        await asyncio.to_thread(service_bus.start)

    async def drop_connections() -> None:
        await asyncio.to_thread(service_bus.drop_connections)

    await under_fire(
        namespaced,
        tmp_path,
        lambda crew: [
            drop_connections,
            partial(restart, signal.SIGTERM),
            partial(kill, crew, "scanner"),
            partial(kill_postgresql, namespaced),
            partial(restart, signal.SIGKILL),
            partial(kill, crew, "gateway"),
            partial(asyncio.to_thread, service_bus.lose_locks),
        ],
    )
