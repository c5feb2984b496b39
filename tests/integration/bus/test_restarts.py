"""Servers that stop or are killed under load and come back: 0 lost, 0 double."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest

from shared.bus import Message, inbox
from shared.database import Pool
from shared.errors import TransientError
from shared.events import ScanRequested, VaultScanned
from tests.support.bus import Rig, Seen, a_scan_request, until
from tests.support.rabbitmq import Node

LOAD = 150


class Effects:
    """A handler whose effect is a row, claimed in the inbox in the same transaction."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def __call__(self, event: ScanRequested, message: Message) -> None:
        async with self._pool.transaction() as conn:
            if await inbox.claim(conn, message, "effect"):
                await conn.execute("INSERT INTO effect (scan_id) VALUES ($1)", event.scan_id)

    async def count(self) -> Counter[UUID]:
        rows = await self._pool.fetch("SELECT scan_id FROM effect")
        return Counter(row["scan_id"] for row in rows)


async def effects_of(rig: Rig) -> Effects:
    async with rig.database.connection() as conn:
        await conn.execute("SET ROLE scanner_owner")
        await conn.execute("CREATE TABLE scanner.effect (scan_id uuid NOT NULL)")
    return Effects(await rig.pool("scanner"))


async def emit_until(rig: Rig, stop: asyncio.Event) -> tuple[set[UUID], set[UUID]]:
    """Emit one event after another; return those that committed and those that may have."""
    committed, unknown = set(), set()
    pool, bus = await rig.pool("gateway"), await rig.make("gateway")
    while not stop.is_set() or len(committed) < LOAD:
        event = a_scan_request()
        try:
            async with pool.transaction() as conn:
                await bus.emit(event, connection=conn)
            committed.add(event.scan_id)
        except TransientError:
            unknown.add(event.scan_id)
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.002)
    return committed, unknown


async def under_load(rig: Rig, disturb: Callable[[], Awaitable[None]]) -> None:
    """Disturb while events flow; then every committed one has had its effect exactly once."""
    effects, stop = await effects_of(rig), asyncio.Event()
    async with (
        rig.consumer("scanner", ScanRequested, effects, workers=4, lease_seconds=3.0),
        rig.consumer("scanner", ScanRequested, effects, workers=4, lease_seconds=3.0),
    ):
        load = asyncio.create_task(emit_until(rig, stop))
        await asyncio.sleep(0.3)
        await disturb()
        stop.set()
        committed, unknown = await load

        async def all_done() -> bool:
            return committed <= (await effects.count()).keys() and await rig.left() == 0

        await until(all_done, seconds=40, pause=0.2)
    done = await effects.count()
    assert committed <= done.keys() <= committed | unknown
    assert set(done.values()) == {1}
    assert await rig.dead_letters() == []


@pytest.mark.rabbitmq
async def test_rabbitmq_stopped_and_killed_under_load(
    external: Rig, rabbitmq: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.bus.backends.rabbit.RabbitBackend.start_seconds", 0.2)
    latecomer = await external.make("alerting")
    latecomer.on(VaultScanned)(Seen())

    async def disturb() -> None:
        await asyncio.to_thread(rabbitmq.stop)
        await latecomer.start()  # a service starts without its broker …
        assert not latecomer.consuming()
        assert not await latecomer.ping(0.5)
        await asyncio.to_thread(rabbitmq.start)
        await until(latecomer.consuming)  # … and is there when the broker is
        await latecomer.stop()
        await asyncio.to_thread(rabbitmq.kill)
        await asyncio.sleep(0.3)
        await asyncio.to_thread(rabbitmq.start)

    await under_load(external, disturb)


async def test_postgresql_killed_under_load(embedded: Rig) -> None:
    cluster = embedded.database.cluster

    async def disturb() -> None:
        assert cluster.pid
        os.kill(cluster.pid, signal.SIGKILL)
        await until(lambda: not cluster.running)
        await asyncio.sleep(0.2)
        cluster.start()

    await under_load(embedded, disturb)


@pytest.mark.rabbitmq
async def test_postgresql_killed_under_load_with_rabbitmq(external: Rig) -> None:
    cluster = external.database.cluster

    async def disturb() -> None:
        assert cluster.pid
        os.kill(cluster.pid, signal.SIGKILL)
        await until(lambda: not cluster.running)
        cluster.start()

    await under_load(external, disturb)
