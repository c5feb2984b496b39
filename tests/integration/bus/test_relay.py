"""From the outbox to RabbitMQ: nothing leaves the database before the broker has it."""

import asyncio

import aio_pika
import pytest
from prometheus_client import CollectorRegistry

from shared.bus import amqp, topology
from shared.errors import TransientError
from shared.events import ScanRequested
from tests.support.bus import Rig, Seen, a_scan_request, until, valid_headers

pytestmark = pytest.mark.rabbitmq

SCANS = topology.queue_name("scanner", ScanRequested)


async def test_an_event_that_no_queue_takes_stays_in_the_outbox_until_one_does(
    external: Rig,
) -> None:
    registry = CollectorRegistry()
    connection = await aio_pika.connect(external.url)
    async with connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(SCANS, durable=True, passive=True)
        await queue.unbind(amqp.EXCHANGE, ScanRequested.type)
        async with external.running(await external.make("gateway", registry=registry)):
            await external.emit("gateway", a_scan_request())
            await until(
                lambda: registry.get_sample_value(
                    "certifyclouds_bus_relay_failed_total", {"reason": "unroutable"}
                )
            )
            assert await outbox(external) == 1
            await queue.bind(amqp.EXCHANGE, ScanRequested.type)
            seen = Seen()
            async with external.consumer("scanner", ScanRequested, seen):
                await until(lambda: seen.messages)
            await until(lambda: emptied(external))

    assert len(seen.messages) == 1


async def test_the_broker_s_message_tells_what_it_is_without_being_opened(external: Rig) -> None:
    async with external.running(await external.make("gateway")):
        (event_id,) = await external.emit("gateway", a_scan_request())
        await until(lambda: emptied(external))

    connection = await aio_pika.connect(external.url)
    async with connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(SCANS, durable=True, passive=True)
        message = await queue.get()
        await message.ack()
    assert message.message_id == f"{event_id}:0"
    assert message.delivery_mode == aio_pika.DeliveryMode.PERSISTENT
    assert message.content_type == "application/json"
    assert message.type == ScanRequested.type
    for name in ("specversion", "id", "type", "source", "time", "correlationid"):
        assert f"ce-{name}" in message.headers
    assert message.correlation_id == message.headers["ce-correlationid"]


async def test_a_retry_has_an_id_of_its_own_at_the_broker(external: Rig) -> None:
    ids = []

    def later(_: object) -> None:
        raise TransientError("Later.", retry_after=3600)

    async with external.consumer("scanner", ScanRequested, Seen(fail=later)):
        (event_id,) = await external.emit("gateway", a_scan_request())
        connection = await aio_pika.connect(external.url)
        async with connection:
            channel = await connection.channel()
            name = amqp.retry_queue(SCANS)
            queue = await channel.declare_queue(name, durable=True, passive=True)
            while not ids:
                if message := await queue.get(fail=False):
                    ids.append(message.message_id)
                    await message.ack()
                await asyncio.sleep(0.05)

    assert ids == [f"{event_id}:1"]


async def test_a_message_that_is_handed_out_too_often_is_laid_aside_by_the_broker(
    external: Rig,
) -> None:
    await external.inject(SCANS, b"{}", valid_headers(a_scan_request()))
    connection = await aio_pika.connect(external.url)
    async with connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(SCANS, durable=True, passive=True)
        while message := await queue.get(fail=False):
            await message.nack(requeue=True)
    await until(lambda: external.dead_letters(SCANS))

    (letter,) = await external.dead_letters(SCANS)
    assert (letter.reason, letter.body) == ("delivery_limit", b"{}")


async def test_the_queues_are_such_that_the_broker_loses_nothing(external: Rig) -> None:
    connection = await aio_pika.connect(external.url)
    async with connection:
        for queue in topology.queues():
            for name, arguments in amqp.arguments(queue).items():
                channel = await connection.channel()
                await channel.declare_queue(name, durable=True, arguments=arguments)
                await channel.close()
    assert amqp.arguments("q")["q"] == {
        "x-queue-type": "quorum",
        "x-delivery-limit": 20,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": "q.dlq",
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }


async def test_a_consumer_that_the_broker_cancelled_shows_in_health_and_comes_back(
    external: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.bus.backends.rabbit.WATCH_SECONDS", 0.1)
    monkeypatch.setattr("shared.bus.backends.rabbit.SILENT_ROUNDS", 2)
    seen = Seen()
    async with external.consumer("scanner", ScanRequested, seen) as bus:
        assert bus.consuming()
        connection = await aio_pika.connect(external.url)
        async with connection:
            channel = await connection.channel()
            await channel.queue_delete(SCANS)
            await until(lambda: not bus.consuming())
        await external.switch(external.url)
        await until(bus.consuming)
        await external.emit("gateway", a_scan_request())
        await until(lambda: seen.events)


async def test_a_message_that_cannot_be_put_off_is_given_back(external: Rig) -> None:
    def once(_: object) -> None:
        if len(seen.messages) == 1:
            raise TransientError("Later.")

    seen = Seen(fail=once)
    connection = await aio_pika.connect(external.url)
    async with connection:
        channel = await connection.channel()
        await channel.queue_delete(amqp.retry_queue(SCANS))
        async with external.consumer("scanner", ScanRequested, seen):
            (event_id,) = await external.emit("gateway", a_scan_request())
            await until(lambda: len(seen.messages) == 2)

    assert [(one.id, one.attempt) for one in seen.messages] == [(event_id, 0), (event_id, 0)]


async def outbox(rig: Rig) -> int:
    depths = {depth.queue: depth for depth in await (await rig.operator()).depths()}
    relay = depths["relay"]
    return relay.ready + relay.delayed + (relay.in_flight or 0)


async def emptied(rig: Rig) -> bool:
    return await outbox(rig) == 0
