"""A queue of ours without our consumer ends the process; a broker that is away is waited for."""

import asyncio
from secrets import token_hex

import aio_pika
import pytest

from shared.bus import ConsumersLostError, amqp, topology
from shared.bus.backends import rabbit
from shared.events import ScanRequested, VaultScanned
from shared.health import Status
from shared.service import Service, serve
from shared.settings import ServiceSettings
from tests.support.bus import Rig, Seen, until
from tests.support.bus_state import SCANS, assert_not_lost, health, status_is
from tests.support.database import Database
from tests.support.rabbitmq import Node


@pytest.mark.rabbitmq
async def test_a_queue_without_our_consumer_ends_the_process_while_the_broker_answers(
    external: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rabbit, "WATCH_SECONDS", 0.05)
    monkeypatch.setattr(rabbit, "LOST_SECONDS", 0.2)
    connection = await aio_pika.connect(external.url)
    async with connection, external.consumer("scanner", ScanRequested, Seen()) as bus:
        await assert_not_lost(bus)
        await (await connection.channel()).queue_delete(SCANS)
        with pytest.raises(ConsumersLostError, match=f"could not consume {SCANS}"):
            await asyncio.wait_for(bus.lost(), 20)
    await external.switch(external.url)


@pytest.mark.rabbitmq
async def test_a_service_whose_queue_has_no_consumer_ends_in_order(
    database: Database, rabbitmq: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rabbit, "WATCH_SECONDS", 0.05)
    monkeypatch.setattr(rabbit, "LOST_SECONDS", 0.2)
    settings = ServiceSettings(
        database_url=database.url("syncer"),
        bus_url=rabbitmq.url,
        secret_key=token_hex(32),
        internal_port=0,
    )
    built: list[Service] = []

    async def build(service: Service) -> None:
        service.bus.on(VaultScanned)(Seen())
        built.append(service)

    queue = topology.queue_name("syncer", VaultScanned)
    async with Rig.opened(database) as rig:
        await rig.switch(rabbitmq.url)
        serving = asyncio.create_task(serve("syncer", settings, build, asyncio.Event()))
        await until(lambda: built and built[0].health.started)
        connection = await aio_pika.connect(rabbitmq.url)
        async with connection:
            await (await connection.channel()).queue_delete(queue)
        with pytest.raises(ConsumersLostError, match=queue):
            await asyncio.wait_for(serving, 20)
        await rig.switch(rabbitmq.url)

    assert built[0].health.stopping


async def test_a_broker_that_is_away_is_waited_for(
    embedded: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = 0

    async def check(_: str) -> None:
        nonlocal looked
        looked += 1
        await real(url)

    real, url = amqp.check, "amqp://guest:hunter2@127.0.0.1:1/"
    monkeypatch.setattr(amqp, "check", check)
    monkeypatch.setattr(rabbit.RabbitBackend, "start_seconds", 0.0)
    monkeypatch.setattr(rabbit, "WATCH_SECONDS", 0.02)
    monkeypatch.setattr(rabbit, "LOST_SECONDS", 0.0)
    async with embedded.database.connection() as conn:
        await conn.execute("UPDATE bus.backend SET kind = 'rabbitmq'")
    embedded.url = url
    bus = await embedded.make("gateway")
    async with embedded.running(bus):
        await until(lambda: looked >= 5)
        await assert_not_lost(bus)
        words = "RabbitMQ at 127.0.0.1:1/ does not answer"
        await until(lambda: status_is(bus, Status.FAILED, words))
        assert "hunter2" not in (await health(bus)).detail
