"""Changing BUS_URL: what waits on the old bus is handled on the new one."""

import asyncio
from datetime import timedelta
from uuid import UUID

import aio_pika
import pytest

from shared.bus import Retry, store, switching, topology
from shared.clock import utc_now
from shared.errors import PermanentError, SettingsError, TransientError
from shared.events import ScanRequested, VaultScanned
from tests.support.bus import (
    Rig,
    Seen,
    a_scan_request,
    a_scanned_vault,
    empty_rabbit,
    until,
)
from tests.support.rabbitmq import Node

pytestmark = pytest.mark.rabbitmq

SCANS = topology.queue_name("scanner", ScanRequested)
SYNCS = topology.queue_name("syncer", VaultScanned)
PATIENT = Retry(base=60.0)


@pytest.fixture(autouse=True)
async def _no_messages_of_other_tests(rabbitmq: Node) -> None:
    await empty_rabbit(rabbitmq.url)


async def handled(rig: Rig, count: int) -> tuple[Seen, Seen]:
    """Run the scanner and the syncer until they have handled `count` events together."""
    scans, vaults = Seen(), Seen()
    async with (
        rig.consumer("scanner", ScanRequested, scans),
        rig.consumer("syncer", VaultScanned, vaults),
    ):
        await until(lambda: len(scans.messages) + len(vaults.messages) >= count)
    return scans, vaults


def attempts(seen: Seen) -> dict[UUID, int]:
    return {message.id: message.attempt for message in seen.messages}


async def test_from_postgresql_to_rabbitmq_everything_pending_goes_to_its_exact_queue(
    embedded: Rig, rabbitmq: Node
) -> None:
    refused, later = await fail_two(embedded)
    (waiting,) = await embedded.emit("gateway", a_scan_request())
    (vault,) = await embedded.emit("scanner", a_scanned_vault())
    await embedded.switch(rabbitmq.url)
    assert await outbox_routes(embedded) == sorted(
        [SCANS, SCANS, SYNCS, "alerting." + VaultScanned.type, "gateway." + VaultScanned.type]
    )
    await make_due(embedded)
    (new,) = await embedded.emit("gateway", a_scan_request())
    scans, vaults = await handled(embedded, 4)

    assert attempts(scans) == {waiting: 0, later: 1, new: 0}
    assert attempts(vaults) == {vault: 0}
    (letter,) = await embedded.dead_letters(SCANS)
    assert letter.message_id == refused


async def test_from_rabbitmq_to_postgresql_everything_pending_is_taken_along(
    external: Rig, rabbitmq: Node
) -> None:
    refused, later = await fail_two(external)
    async with external.running(await external.make("gateway")):
        (queued,) = await external.emit("gateway", a_scan_request())
        await until(lambda: relayed(external))
    (outboxed,) = await external.emit("gateway", a_scan_request())
    (vault,) = await external.emit("scanner", a_scanned_vault())
    await external.switch("", previous=rabbitmq.url)
    assert await outbox_routes(external) == []
    await make_due(external)
    scans, vaults = await handled(external, 4)

    assert attempts(scans) == {queued: 0, later: 1, outboxed: 0}
    assert attempts(vaults) == {vault: 0}
    (letter,) = await external.dead_letters(SCANS)
    assert (letter.message_id, letter.reason) == (refused, "permanent_error")
    await external.switch(rabbitmq.url)  # and the old broker has forgotten them
    depths = await (await external.operator()).depths()
    assert sum(d.ready + d.delayed for d in depths if d.queue == SCANS) == 0


async def test_a_queue_that_the_old_broker_does_not_have_stops_nothing(
    external: Rig, rabbitmq: Node
) -> None:
    async with external.running(await external.make("gateway")):
        (event_id,) = await external.emit("gateway", a_scan_request())
        await until(lambda: relayed(external))
    connection = await aio_pika.connect(rabbitmq.url)
    async with connection:
        channel = await connection.channel()
        await channel.queue_delete(list(topology.queues())[-1])
    await external.switch("", previous=rabbitmq.url)
    scans, _ = await handled(external, 1)

    assert attempts(scans) == {event_id: 0}
    await external.switch(rabbitmq.url)
    assert await ready(external, SCANS, 0)


async def test_leaving_rabbitmq_without_its_address_is_refused(
    external: Rig, rabbitmq: Node
) -> None:
    (event_id,) = await external.emit("gateway", a_scan_request())
    for previous in (None, "", "amqp://guest:guest@127.0.0.1:1/"):
        with pytest.raises(SettingsError, match="BUS_URL_PREVIOUS") as refusal:
            await external.switch("", previous=previous)
        assert "guest" not in str(refusal.value)
    external.url = rabbitmq.url
    scans, _ = await handled(external, 1)
    assert attempts(scans) == {event_id: 0}


async def test_leaving_rabbitmq_while_a_service_consumes_is_refused(
    external: Rig, rabbitmq: Node
) -> None:
    async with external.consumer("scanner", ScanRequested, Seen()):
        with pytest.raises(SettingsError, match="Stop the services"):
            await external.switch("", previous=rabbitmq.url)
    async with external.database.connection() as conn:
        assert await conn.fetchval("SELECT kind FROM bus.backend") == "rabbitmq"


async def test_a_broker_that_is_gone_for_good_can_be_given_up(external: Rig) -> None:
    (event_id,) = await external.emit("gateway", a_scan_request())
    await external.switch("", previous=switching.DISCARD)
    scans, _ = await handled(external, 1)
    assert attempts(scans) == {event_id: 0}


async def test_events_published_during_the_change_are_handled_once(
    embedded: Rig, rabbitmq: Node
) -> None:
    stop, emitted = asyncio.Event(), set()

    async def publish() -> None:
        while not stop.is_set():
            emitted.update(await embedded_rig.emit("gateway", a_scan_request()))

    async with Rig.opened(embedded.database) as embedded_rig:
        publishing = [asyncio.create_task(publish()) for _ in range(3)]
        await asyncio.sleep(0.2)
        await embedded.switch(rabbitmq.url)
        await asyncio.sleep(0.2)
        stop.set()
        await asyncio.gather(*publishing)
    scans, _ = await handled(embedded, len(emitted))

    assert attempts(scans) == dict.fromkeys(emitted, 0)
    assert len(scans.messages) == len(emitted)


async def test_a_consumer_of_the_old_bus_still_finishes_what_it_holds(
    embedded: Rig, rabbitmq: Node
) -> None:
    await embedded.emit("gateway", a_scan_request())
    pool = await embedded.pool("scanner")
    (held,) = await store.claim(
        pool, SCANS, limit=1, lease=UUID(int=1), seconds=60, delivery_limit=20
    )
    await embedded.switch(rabbitmq.url)
    assert await store.complete(pool, [held]) == {held.seq}
    assert await embedded.left() == 0


async def test_what_waits_in_a_queue_that_nobody_reads_any_more_is_kept(
    embedded: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    (event_id,) = await embedded.emit("scanner", a_scanned_vault())
    without = {queue: kind for queue, kind in topology.queues().items() if queue != SYNCS}
    monkeypatch.setattr(topology, "queues", lambda: without)
    await embedded.switch("")

    (letter,) = await embedded.dead_letters(SYNCS)
    assert (letter.message_id, letter.reason) == (event_id, "unsubscribed")


async def test_a_queue_that_nobody_reads_any_more_is_unbound_and_kept_while_it_holds_something(
    external: Rig, rabbitmq: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    unread = "alerting." + VaultScanned.type
    async with external.running(await external.make("gateway")):
        await external.emit("scanner", a_scanned_vault())
        await until(lambda: ready(external, unread, 1))
        left = {q: t for q, t in topology.queues().items() if q not in {SCANS, unread}}
        monkeypatch.setattr(topology, "queues", lambda: left)
        await external.switch(rabbitmq.url)
        await external.emit("scanner", a_scanned_vault())
        await until(lambda: ready(external, SYNCS, 2))
    monkeypatch.undo()

    connection = await aio_pika.connect(rabbitmq.url)
    async with connection:
        channel = await connection.channel()
        kept = await channel.declare_queue(unread, durable=True, passive=True)
        assert kept.declaration_result.message_count == 1
        with pytest.raises(aio_pika.exceptions.ChannelNotFoundEntity):
            await channel.declare_queue(SCANS, durable=True, passive=True)


async def test_from_one_rabbitmq_to_another_everything_goes_through_the_outbox(
    external: Rig, rabbitmq: Node
) -> None:
    async with external.running(await external.make("gateway")):
        (event_id,) = await external.emit("gateway", a_scan_request())
        await until(lambda: relayed(external))
    elsewhere = rabbitmq.url.replace("127.0.0.1", "localhost")  # the same server under a new name
    await external.switch(elsewhere, previous=rabbitmq.url)
    assert await outbox_routes(external) == [SCANS]
    scans, _ = await handled(external, 1)
    assert attempts(scans) == {event_id: 0}


async def test_a_change_inside_somebody_s_transaction_leaves_copies_behind(
    external: Rig, rabbitmq: Node
) -> None:
    async with external.running(await external.make("gateway")):
        await external.emit("gateway", a_scan_request())
        await until(lambda: relayed(external))
    async with external.database.connection() as conn, conn.transaction():
        await conn.execute("SET LOCAL ROLE bus_owner")
        await topology.create(conn, "", rabbitmq.url)
    assert await external.left() == 1

    external.url = rabbitmq.url
    assert await ready(external, SCANS, 1)


async def test_a_broker_that_is_down_is_named_without_its_password(embedded: Rig) -> None:
    with pytest.raises(TransientError, match=r"127\.0\.0\.1:1/") as refusal:
        await embedded.switch("amqp://user:hunter2@127.0.0.1:1/")
    assert "hunter2" not in str(refusal.value)


async def ready(rig: Rig, queue: str, count: int) -> bool:
    depths = {depth.queue: depth for depth in await (await rig.operator()).depths()}
    return depths[queue].ready == count


async def fail_two(rig: Rig) -> tuple[UUID, UUID]:
    """Leave one dead letter and one message that waits for its second try; return their ids."""

    def fail(_: object) -> None:
        raise errors.pop()

    errors = [TransientError("Later."), PermanentError("Never.")]
    seen = Seen(fail=fail)
    async with rig.consumer("scanner", ScanRequested, seen, retry=PATIENT):
        (refused,) = await rig.emit("gateway", a_scan_request())
        await until(lambda: rig.dead_letters(SCANS))
        (later,) = await rig.emit("gateway", a_scan_request())
        await until(lambda: put_off(rig))
    return refused, later


async def put_off(rig: Rig) -> bool:
    depths = await (await rig.operator()).depths()
    return any(depth.delayed for depth in depths if depth.queue == SCANS)


async def relayed(rig: Rig) -> bool:
    depths = {depth.queue: depth for depth in await (await rig.operator()).depths()}
    return depths[SCANS].ready == 1 and depths["relay"].in_flight == 0


async def outbox_routes(rig: Rig) -> list[str]:
    async with rig.database.connection() as conn:
        rows = await conn.fetch("SELECT route FROM bus.delivery WHERE queue = 'relay'")
    return sorted(row["route"] for row in rows)


async def make_due(rig: Rig) -> None:
    """Let the time pass that a put-off message has to wait."""
    async with rig.database.connection() as conn:
        await conn.execute(
            "UPDATE bus.delivery SET visible_at = $1", utc_now() - timedelta(seconds=1)
        )
