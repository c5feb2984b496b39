"""What a person sees of the queues and does with dead letters, the same on both buses."""

from uuid import uuid4

import aio_pika
import pytest

from shared.bus import Message, amqp, topology
from shared.errors import PermanentError, TransientError
from shared.events import ScanRequested, VaultScanned
from tests.support.bus import (
    Rig,
    Seen,
    a_scan_request,
    a_scanned_vault,
    empty_rabbit,
    until,
    valid_headers,
)
from tests.support.rabbitmq import Node

SCANS = topology.queue_name("scanner", ScanRequested)
SYNCS = topology.queue_name("syncer", VaultScanned)


async def test_a_dead_letter_without_a_readable_id_can_be_shown_replayed_and_purged_alone(
    rig: Rig,
) -> None:
    operator, body = await rig.operator(), b"{}"
    for wrong in ("not an id", "no id either"):
        headers = valid_headers(a_scan_request(), **{"ce-id": wrong})
        await rig.inject(SCANS, body, headers)
    async with rig.consumer("scanner", ScanRequested, Seen()):
        await until(lambda: dead(rig, 2))
        letter, other = await operator.dead_letters(SCANS)
        shown = await operator.dead_letter(SCANS, letter.id)
        replayed = await operator.replay(SCANS, letter.id)
        await until(lambda: dead(rig, 2))
        again = await operator.dead_letter(SCANS, letter.id)
        purged = await operator.purge(SCANS, letter.id)
        (left,) = await operator.dead_letters(SCANS)

    assert shown == letter
    assert again is not None
    assert (again.body, again.headers["ce-id"]) == (body, letter.headers["ce-id"])
    assert (replayed, purged, left.id) == (1, 1, other.id)
    assert await operator.dead_letter(SCANS, uuid4()) is None


async def test_a_replayed_event_keeps_its_id_and_begins_anew(rig: Rig) -> None:
    def refuse(message: Message) -> None:
        if len(seen.messages) == 1:
            raise PermanentError(f"Not {message.id}.")

    seen = Seen(fail=refuse)
    async with rig.consumer("scanner", ScanRequested, seen):
        (event_id,) = await rig.emit("gateway", a_scan_request())
        await until(lambda: dead(rig, 1))
        assert await (await rig.operator()).replay(SCANS, event_id) == 1
        await until(lambda: len(seen.messages) == 2)

    assert [(one.id, one.attempt) for one in seen.messages] == [(event_id, 0), (event_id, 0)]
    assert seen.messages[0].correlation_id == seen.messages[1].correlation_id


async def test_a_queue_tells_who_consumes_it(rig: Rig) -> None:
    async with rig.consumer("scanner", ScanRequested, Seen()) as bus:
        await bus.beat("test")
        depths = {depth.queue: depth for depth in await (await rig.operator()).depths()}

    assert (depths[SCANS].consumers, depths[SYNCS].consumers) == (1, 0)
    assert depths["relay"].consumers == 1


async def test_the_age_in_a_queue_is_that_of_the_oldest_message_that_waits(embedded: Rig) -> None:
    await embedded.emit("gateway", a_scan_request(), a_scan_request())
    async with embedded.database.connection() as conn:
        await conn.execute("UPDATE bus.message SET created_at = now() - interval '90 seconds'")
    depths = {depth.queue: depth for depth in await (await embedded.operator()).depths()}

    assert (depths[SCANS].age_seconds or 0) >= 90
    assert (depths[SYNCS].age_seconds, depths[SYNCS].in_flight) == (0, 0)


@pytest.mark.rabbitmq
async def test_what_rabbitmq_does_not_tell_is_not_told_as_nothing(external: Rig) -> None:
    depths = {depth.queue: depth for depth in await (await external.operator()).depths()}

    assert (depths[SCANS].age_seconds, depths[SCANS].in_flight) == (None, None)


@pytest.mark.rabbitmq
async def test_dead_letters_from_before_the_change_of_bus_are_counted_and_replayed(
    embedded: Rig, rabbitmq: Node
) -> None:
    await empty_rabbit(rabbitmq.url)
    await embedded.inject(SCANS, b"{ not json", valid_headers(a_scan_request()))
    async with embedded.consumer("scanner", ScanRequested, Seen()):
        await until(lambda: dead(embedded, 1))
    await embedded.switch(rabbitmq.url)
    assert await dead(embedded, 1)
    async with embedded.consumer("scanner", ScanRequested, Seen()):
        operator = await embedded.operator()
        assert await operator.replay(SCANS) == 1
        await until(lambda: in_broker(rabbitmq, 1))
        assert await dead(embedded, 1)
        assert await operator.purge(SCANS) == 1
    assert await dead(embedded, 0)


@pytest.mark.rabbitmq
async def test_dead_letters_of_a_queue_of_an_earlier_release_are_found(
    embedded: Rig, rabbitmq: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    await empty_rabbit(rabbitmq.url)
    now, old = topology.queues(), "syncer.of-an-earlier-release"
    monkeypatch.setattr(topology, "queues", lambda: {**now, old: VaultScanned.type})
    await embedded.switch("")
    await embedded.emit("scanner", a_scanned_vault())
    monkeypatch.setattr(topology, "queues", lambda: now)
    await embedded.switch("")
    await embedded.switch(rabbitmq.url)
    operator = await embedded.operator()

    assert {depth.queue for depth in await operator.depths() if depth.dead} == {old}
    assert len(await operator.dead_letters(old)) == 1
    assert await operator.purge(old) == 1


@pytest.mark.rabbitmq
async def test_a_missing_queue_is_said_with_what_to_do(external: Rig, rabbitmq: Node) -> None:
    connection = await aio_pika.connect(rabbitmq.url)
    async with connection:
        channel = await connection.channel()
        await channel.queue_delete(amqp.dead_queue(SCANS))
        operator = await external.operator()
        for act in (operator.depths, lambda: operator.purge(SCANS)):
            with pytest.raises(TransientError, match="run certifyclouds migrate"):
                await act()
    await external.switch(rabbitmq.url)
    await external.switch("", previous=rabbitmq.url)
    await external.switch(rabbitmq.url)
    assert await operator.purge(SCANS) == 0


async def dead(rig: Rig, count: int) -> bool:
    depths = {depth.queue: depth for depth in await (await rig.operator()).depths()}
    return depths[SCANS].dead == count


async def in_broker(node: Node, count: int) -> bool:
    connection = await aio_pika.connect(node.url)
    async with connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(amqp.dead_queue(SCANS), durable=True, passive=True)
        return queue.declaration_result.message_count == count
