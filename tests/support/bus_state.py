"""How the bus is, as its health and its outbox tell."""

import asyncio
from typing import Any

from shared.bus import Bus, topology
from shared.events import ScanRequested
from shared.health import Check, Status
from shared.service import probes
from tests.support.bus import Rig

SCANS = topology.queue_name("scanner", ScanRequested)


async def health(bus: Bus) -> Check:
    return await probes.bus(bus)()


async def status_is(bus: Bus, status: Status, words: str = "") -> bool:
    found = await health(bus)
    return found.status is status and words in found.detail


async def assert_not_lost(bus: Bus) -> None:
    lost = asyncio.ensure_future(bus.lost())
    await asyncio.sleep(0)
    ended = lost.done()
    lost.cancel()
    assert not ended


async def scans_ready(rig: Rig, count: int) -> bool:
    depths = {depth.queue: depth for depth in await (await rig.operator()).depths()}
    return depths[SCANS].ready == count


async def outbox(rig: Rig) -> int:
    async with rig.database.connection() as conn:
        found: Any = await conn.fetchval("SELECT count(*) FROM bus.delivery WHERE queue = 'relay'")
    return int(found)


async def claimed(rig: Rig) -> int:
    async with rig.database.connection() as conn:
        found: Any = await conn.fetchval(
            "SELECT count(*) FROM bus.delivery WHERE queue = 'relay' AND lease IS NOT NULL"
        )
    return int(found)


async def emptied(rig: Rig) -> bool:
    return await outbox(rig) == 0
