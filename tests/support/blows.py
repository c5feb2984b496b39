"""A flow of twenty thousand events, and what falls on those who carry and handle it.

Ten thousand scans are asked for and answered; every effect is counted. Each blow falls when the
flow has got so far, whatever the machine's speed.
"""

import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from shared.errors import TransientError
from tests.support.bus import Rig
from tests.support.crew import Crew
from tests.support.database import Database
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
