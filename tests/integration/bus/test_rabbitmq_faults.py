"""What goes wrong with RabbitMQ: what to do is said, nothing is lost, health is honest."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import aio_pika
import pytest
from prometheus_client import CollectorRegistry

from shared.bus import Message, amqp, topology
from shared.bus.backends import rabbit
from shared.bus.backends.rabbit_publisher import RabbitPublisher
from shared.errors import SettingsError, TransientError
from shared.events import ScanRequested, VaultScanned
from shared.health import Status
from tests.support.bus import QUICK, Rig, Seen, a_scan_request, a_scanned_vault, until
from tests.support.bus_state import (
    assert_not_lost,
    claimed,
    emptied,
    health,
    outbox,
    scans_ready,
    status_is,
)
from tests.support.rabbitmq import Node


@asynccontextmanager
async def disk_alarm(node: Node) -> AsyncIterator[None]:
    """Make the node believe that its disk is too small."""
    await asyncio.to_thread(node.control, "set_disk_free_limit", "999999GB")
    try:
        yield
    finally:
        await asyncio.to_thread(node.control, "set_disk_free_limit", "50MB")


@pytest.mark.rabbitmq
async def test_rabbitmq_s_disk_alarm_keeps_events_in_the_outbox_and_shows_in_health(
    external: Rig, rabbitmq: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rabbit, "WATCH_SECONDS", 0.2)
    looked, is_open = 0, RabbitPublisher.is_open

    async def counted(publisher: RabbitPublisher) -> bool:
        nonlocal looked
        looked += 1
        return await is_open(publisher)

    monkeypatch.setattr(RabbitPublisher, "is_open", counted)
    async with external.running(await external.make("gateway")):
        await external.emit("gateway", *(a_scan_request() for _ in range(5)))
        await until(lambda: scans_ready(external, 5))
    seen, fresh, known = Seen(), a_scan_request(), asyncio.Event()

    async def handle(event: ScanRequested, message: Message) -> None:
        await known.wait()
        await seen(event, message)

    async with disk_alarm(rabbitmq):
        async with external.consumer("scanner", ScanRequested, handle) as bus:
            (event_id,) = await external.emit("gateway", fresh)
            await until(lambda: status_is(bus, Status.DEGRADED, "short of disk space or memory"))
            # What had arrived before is handled and acknowledged all the same: one at a time, so
            # that each comes after the acknowledgement of the one before.
            known.set()
            await until(lambda: len(seen.messages) == 5)
            await until(lambda: scans_ready(external, 0))
            assert event_id not in {message.id for message in seen.messages}
            before = looked
            await external.emit("gateway", *(a_scan_request() for _ in range(30)))
            await until(lambda: looked > before + 10)
            # What cannot be sent is not claimed: it costs no memory here.
            assert await outbox(external) == 31
            assert await claimed(external) == 1
        bus = await external.make("scanner")
        bus.on(ScanRequested, retry=QUICK)(seen)
        await bus.start()
    try:
        await until(lambda: fresh in seen.events)
        await until(lambda: status_is(bus, Status.OK))
        await until(lambda: emptied(external))
    finally:
        await bus.stop()


@pytest.mark.rabbitmq
async def test_a_service_that_stops_under_an_alarm_leaves_no_connection_behind(
    external: Rig, rabbitmq: Node
) -> None:
    before = asyncio.all_tasks()
    async with disk_alarm(rabbitmq):
        async with external.consumer("scanner", ScanRequested, Seen()) as bus:
            await external.emit("gateway", a_scan_request())
            await until(lambda: status_is(bus, Status.DEGRADED, "short of disk space or memory"))
        # RabbitMQ answers no goodbye now, and takes the connection back only when it is cut.
        await until(lambda: asyncio.all_tasks() <= before)


@pytest.mark.rabbitmq
async def test_wrong_credentials_are_said_in_health_and_events_wait(
    external: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rabbit.RabbitBackend, "start_seconds", 0.1)
    monkeypatch.setattr(rabbit, "WATCH_SECONDS", 0.1)
    monkeypatch.setattr(rabbit, "LOST_SECONDS", 0.0)
    right = external.url
    external.url = right.replace("guest:guest", "guest:hunter2")
    bus = await external.make("gateway")
    async with external.running(bus):
        await external.emit("gateway", a_scan_request())
        await until(lambda: status_is(bus, Status.FAILED, "refuses our login"))
        assert "hunter2" not in (await health(bus)).detail
        # A new process would have the same password: there is no reason to end this one.
        await assert_not_lost(bus)
    external.url = right
    assert await outbox(external) == 1


@pytest.mark.rabbitmq
async def test_a_virtual_host_that_is_not_there_is_said(external: Rig) -> None:
    with pytest.raises(TransientError, match="Is the virtual host in BUS_URL right"):
        await amqp.check(external.url + "nowhere")


@pytest.mark.rabbitmq
async def test_events_that_no_queue_takes_do_not_hold_up_the_others(external: Rig) -> None:
    registry, seen = CollectorRegistry(), Seen()
    connection = await aio_pika.connect(external.url)
    async with connection:
        channel = await connection.channel()
        bound = [queue for queue in topology.queues() if queue.endswith(VaultScanned.type)]
        queues = [await channel.get_queue(name) for name in bound]
        for queue in queues:
            await queue.unbind(amqp.EXCHANGE, VaultScanned.type)
        await external.emit("scanner", *(a_scanned_vault(n) for n in range(300)))
        await external.emit("gateway", *(a_scan_request() for _ in range(20)))
        async with external.consumer("scanner", ScanRequested, seen, registry=registry) as bus:
            await until(lambda: len(seen.messages) == 20)
            await until(lambda: status_is(bus, Status.DEGRADED, "run certifyclouds migrate"))
            assert await outbox(external) == 300
            tried = registry.get_sample_value(
                "certifyclouds_bus_relay_failed_total", {"reason": "unroutable"}
            )
            await external.switch(external.url)
            for queue in queues:
                await queue.bind(amqp.EXCHANGE, VaultScanned.type)
            await until(lambda: emptied(external))
            await until(lambda: status_is(bus, Status.OK))
    assert tried


@pytest.mark.rabbitmq
async def test_a_message_for_a_queue_that_is_missing_stays_and_is_named(external: Rig) -> None:
    async with external.running(await external.make("gateway")):
        (event_id,) = await external.emit("gateway", a_scan_request())
        await until(lambda: scans_ready(external, 1))
    async with external.database.connection() as conn:
        await conn.execute(
            "INSERT INTO bus.delivery (queue, route, message_id, visible_at)"
            " VALUES ('relay', 'syncer.gone', $1, now())",
            event_id,
        )
    bus = await external.make("gateway")
    async with external.running(bus):
        await until(lambda: status_is(bus, Status.DEGRADED, "syncer.gone stays in the outbox"))
        assert await outbox(external) == 1


@pytest.mark.rabbitmq
async def test_a_queue_that_was_made_otherwise_is_refused_with_what_to_do(
    external: Rig, rabbitmq: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"scanner.made-otherwise-{uuid4().hex[:6]}"
    connection = await aio_pika.connect(rabbitmq.url)
    async with connection:
        channel = await connection.channel()
        await channel.declare_queue(name, durable=True)  # a classic queue
        monkeypatch.setattr(topology, "queues", lambda: {name: ScanRequested.type})
        with pytest.raises(SettingsError, match="rabbitmqctl delete_queue") as refusal:
            await external.switch(rabbitmq.url)
        await channel.queue_delete(name)
        for other in (amqp.dead_queue(name), amqp.retry_queue(name)):
            await channel.queue_delete(other)
    assert name in str(refusal.value)
    assert "inequivalent arg" in str(refusal.value)


@pytest.mark.rabbitmq
async def test_relays_that_are_killed_at_work_lose_nothing(external: Rig) -> None:
    ids = await external.emit("gateway", *(a_scan_request() for _ in range(1500)))
    for _ in range(3):
        waiting = await outbox(external)
        words = ("-m", "tests.support.bus_process", external.database.url("gateway"), external.url)
        process = await asyncio.create_subprocess_exec(sys.executable, *words, "gateway")
        await until(lambda before=waiting: fewer(external, before))
        process.kill()
        await process.wait()
    assert await outbox(external)
    seen = Seen()
    async with external.consumer("scanner", ScanRequested, seen, workers=20):
        await until(lambda: {message.id for message in seen.messages} == set(ids), seconds=60)
        await until(lambda: emptied(external))


async def fewer(rig: Rig, before: int) -> bool:
    return await outbox(rig) < before
