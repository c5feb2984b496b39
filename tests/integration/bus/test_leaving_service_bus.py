"""Leaving a Service Bus namespace: what waits there is taken along, or nothing changes."""

import pytest

from shared.bus import Message, Retry, topology
from shared.bus.broker.servicebus.address import Address
from shared.bus.servicebus.namespace import Namespace as Reached
from shared.errors import SettingsError, TransientError
from shared.events import ScanRequested
from tests.support.bus import Rig, Seen, a_scan_request, until, valid_headers
from tests.support.leftovers import bears_leftovers

pytestmark = bears_leftovers
SCANS = topology.queue_name("scanner", ScanRequested)


async def depth(rig: Rig) -> tuple[int, int, int]:
    found = {each.queue: each for each in await (await rig.operator()).depths()}[SCANS]
    return found.ready, found.delayed, found.dead


async def depth_is(rig: Rig, *wanted: int) -> bool:
    return await depth(rig) == wanted


async def test_what_waits_now_and_later_and_what_is_dead_moves_into_the_database(
    namespaced: Rig,
) -> None:
    def later(_: Message) -> None:
        raise TransientError("The cloud is away.")

    old = namespaced.url
    await namespaced.inject(SCANS, b"{ not json", valid_headers(a_scan_request()))
    patient = Retry(base=600.0, cap=600.0)
    async with namespaced.consumer("scanner", ScanRequested, Seen(fail=later), retry=patient):
        (delayed,) = await namespaced.emit("gateway", a_scan_request())
        await until(lambda: depth_is(namespaced, 0, 1, 1))
    (waiting,) = await namespaced.emit("gateway", a_scan_request())
    async with namespaced.running(await namespaced.make("gateway")):
        await until(lambda: depth_is(namespaced, 1, 1, 1))
    await namespaced.switch("", previous=old)

    assert await depth(namespaced) == (1, 1, 1)
    async with namespaced.database.connection() as conn:
        rows = await conn.fetch("SELECT message_id, attempt FROM bus.delivery")
    assert {tuple(row) for row in rows} == {(waiting, 0), (delayed, 1)}
    (letter,) = await namespaced.dead_letters(SCANS)
    assert letter.reason == "corrupt_body"
    await namespaced.switch(old)
    async with Reached.of(old).administered() as client:
        left = await client.get_queue_runtime_properties(SCANS)
    assert left.total_message_count == 0


async def test_a_message_that_a_dead_process_holds_keeps_everything_where_it_is(
    namespaced: Rig,
) -> None:
    await namespaced.emit("gateway", a_scan_request())
    async with namespaced.running(await namespaced.make("gateway")):
        await until(lambda: depth_is(namespaced, 1, 0, 0))
    old = namespaced.url
    async with Reached.of(old).connected() as connection:
        receiver = connection.receiver(Address(SCANS))
        assert await receiver.receive_messages(1)
        with pytest.raises(SettingsError, match=r"1 messages of .* are locked"):
            await namespaced.switch("", previous=old)

        async with namespaced.database.connection() as conn:
            assert await conn.fetchval("SELECT kind FROM bus.backend") == "servicebus"
            assert await conn.fetchval("SELECT count(*) FROM bus.delivery") == 0
        namespaced.lose_locks()
        await namespaced.switch("", previous=old)
        namespaced.url = ""

    assert await depth(namespaced) == (1, 0, 0)
