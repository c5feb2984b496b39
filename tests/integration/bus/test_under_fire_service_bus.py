"""Twenty thousand events while Service Bus, PostgreSQL and services are stopped and killed."""

import asyncio
import signal
from functools import partial
from pathlib import Path

from tests.support.blows import kill, kill_postgresql, under_fire
from tests.support.bus import Rig
from tests.support.leftovers import bears_leftovers
from tests.support.namespace import Namespace


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
