"""What the bus inside PostgreSQL does with time, crashes and its own tables."""

import asyncio
from uuid import uuid4

import pytest
from prometheus_client import CollectorRegistry

from shared.bus import Message, inbox, store, topology
from shared.bus.housekeeping import housekeeping
from shared.bus.metrics import Metrics
from shared.bus.tasks import stop_tasks
from shared.bus.transports import queue
from shared.bus.transports.postgres import PostgresTransport
from shared.errors import SettingsError
from shared.events import ScanRequested, VaultScanned
from tests.support.bus import (
    Rig,
    Seen,
    a_message,
    a_scan_request,
    a_scanned_vault,
    until,
    valid_headers,
)

SCANS = topology.queue_name("scanner", ScanRequested)


async def claim(rig: Rig, *, seconds: float = 30.0, limit: int = 20) -> list[store.Claimed]:
    return await store.claim(
        await rig.pool("scanner"),
        SCANS,
        limit=10,
        lease=uuid4(),
        seconds=seconds,
        delivery_limit=limit,
    )


async def test_a_handler_that_takes_longer_than_the_lease_keeps_its_message(embedded: Rig) -> None:
    deliveries = []

    async def long(_: ScanRequested, message: Message) -> None:
        deliveries.append(message.id)
        await asyncio.sleep(2.0)

    async with (
        embedded.consumer("scanner", ScanRequested, long, lease_seconds=0.6, poll_seconds=0.1),
        embedded.consumer("scanner", ScanRequested, long, lease_seconds=0.6, poll_seconds=0.1),
    ):
        await embedded.emit("gateway", a_scan_request())
        await until(lambda: deliveries)
        await until(lambda: nothing_left(embedded))

    assert len(deliveries) == 1


async def test_no_message_waits_behind_a_handler_that_became_slow_while_another_process_is_idle(
    embedded: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "SPARE_SECONDS", 0.2)
    first: list[ScanRequested] = []
    second, open_ = Seen(), asyncio.Event()

    async def handle(event: ScanRequested, _: Message) -> None:
        first.append(event)
        if len(first) == 3:
            await open_.wait()

    await embedded.emit("gateway", *(a_scan_request() for _ in range(8)))
    async with embedded.consumer("scanner", ScanRequested, handle):
        await until(lambda: len(first) == 3)
        async with embedded.consumer("scanner", ScanRequested, second):
            await until(lambda: len(second.events) == 5)
            open_.set()
            await until(lambda: nothing_left(embedded))

    assert len({event.scan_id for event in (*first, *second.events)}) == 8


async def test_a_lease_that_ran_out_can_no_longer_settle_anything(embedded: Rig) -> None:
    pool = await embedded.pool("scanner")
    await embedded.emit("gateway", a_scan_request())
    (late,) = await claim(embedded, seconds=0.0)
    (now,) = await claim(embedded)

    assert await store.complete(pool, [late]) == set()
    assert not await store.retry(pool, late.seq, late.lease, 0.0)
    assert not await store.bury(pool, late.seq, late.lease, "reason", "description")
    assert await store.release(pool, [late.seq], late.lease) == 0
    assert await store.renew(pool, [late], 30.0) == set()
    assert await store.renew(pool, [now], 30.0) == {now.seq}
    assert await store.complete(pool, [now]) == {now.seq}


async def test_a_lost_lease_is_no_longer_renewed(embedded: Rig) -> None:
    transport = PostgresTransport(await embedded.pool("scanner"), lease_seconds=0.3)
    await embedded.emit("gateway", a_scan_request())
    (held,) = await transport.claim(SCANS, 1)
    async with embedded.database.connection() as conn:
        await conn.execute("UPDATE bus.delivery SET lease = gen_random_uuid()")
    await transport.open()
    await until(lambda: not transport._held)
    await held.complete()
    await transport.close()

    async with embedded.database.connection() as conn:
        assert await conn.fetchval("SELECT count(*) FROM bus.delivery") == 1


async def test_a_message_that_kills_its_consumers_becomes_a_dead_letter(embedded: Rig) -> None:
    await embedded.emit("gateway", a_scan_request())
    for _ in range(3):
        assert len(await claim(embedded, seconds=0.0, limit=3)) == 1

    assert await claim(embedded, limit=3) == []
    (letter,) = await embedded.dead_letters(SCANS)
    assert letter.reason == "delivery_limit"
    assert "handed out 3 times" in letter.description


async def test_a_message_given_back_was_never_delivered(embedded: Rig) -> None:
    pool = await embedded.pool("scanner")
    await embedded.emit("gateway", a_scan_request())
    for _ in range(5):
        (claimed,) = await claim(embedded, limit=2)
        assert claimed.attempt == 0
        assert await store.release(pool, [claimed.seq], claimed.lease) == 1
    assert await embedded.dead_letters() == []


async def test_a_lost_notification_delays_a_message_and_no_more(embedded: Rig) -> None:
    seen = Seen()
    async with embedded.consumer("scanner", ScanRequested, seen, poll_seconds=0.2):
        event = a_scan_request()
        body = event.model_dump_json().encode()
        await embedded.inject(SCANS, body, valid_headers(event), notify=False)
        await until(lambda: seen.events)

    assert seen.events == [event]


async def test_notifications_carry_the_queue_s_name_and_nothing_else(embedded: Rig) -> None:
    payloads: list[str] = []
    pool = await embedded.pool("gateway")
    async with pool.listen("bus", payloads.append):
        await until(lambda: payloads == [""])
        await embedded.emit("scanner", a_scanned_vault())
        await until(lambda: len(payloads) == 4)

    assert sorted(payloads[1:]) == sorted(
        topology.queue_name(service, VaultScanned) for service in ("syncer", "alerting", "gateway")
    )


async def test_a_listening_connection_that_is_cut_comes_back(embedded: Rig) -> None:
    seen = Seen()
    async with embedded.consumer("scanner", ScanRequested, seen):
        await embedded.emit("gateway", a_scan_request())
        await until(lambda: len(seen.events) == 1)
        async with embedded.database.connection() as conn:
            await conn.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE usename = 'scanner' AND datname = current_database()"
            )
        await embedded.emit("gateway", a_scan_request())
        await until(lambda: len(seen.events) == 2)


async def test_messages_are_deleted_when_nobody_waits_for_them(embedded: Rig) -> None:
    pool = await embedded.pool("scanner")
    await embedded.emit("gateway", a_scan_request(), a_scan_request())
    (first, second) = await claim(embedded)
    await store.complete(pool, [first])
    async with embedded.database.connection() as conn:
        assert await store.collect(pool, keep_seconds=0, limit=10) == 0  # kept for a minute
        await conn.execute("UPDATE bus.message SET created_at = now() - interval '2 hours'")
        assert await store.collect(pool, keep_seconds=3600, limit=10) == 1
        assert await conn.fetchval("SELECT id FROM bus.message") == second.message_id


async def test_the_outbox_is_measured_by_its_depth_and_its_oldest_message_to_be_taken(
    embedded: Rig,
) -> None:
    pool, registry = await embedded.pool("scanner"), CollectorRegistry()
    assert await store.waiting(pool, [SCANS]) == (0, 0)
    await embedded.emit("gateway", a_scan_request(), a_scan_request())
    async with embedded.database.connection() as conn:
        await conn.execute("UPDATE bus.message SET created_at = now() - interval '90 seconds'")
    tasks = housekeeping(pool, Metrics(registry), [SCANS])
    await until(lambda: registry.get_sample_value("certifyclouds_bus_outbox_age_seconds"))
    await stop_tasks(tasks)

    assert registry.get_sample_value("certifyclouds_bus_outbox_depth") == 2
    assert registry.get_sample_value("certifyclouds_bus_outbox_age_seconds") >= 90  # type: ignore[operator]


async def test_old_inbox_notes_are_forgotten(embedded: Rig) -> None:
    pool = await embedded.pool("scanner")
    async with pool.transaction() as conn:
        assert await inbox.claim(conn, a_message(uuid4()), "old")
        assert await inbox.claim(conn, a_message(uuid4()), "new")
    await pool.execute(
        "UPDATE inbox SET handled_at = now() - interval '15 days' WHERE handler = 'old'"
    )

    assert await inbox.forget(pool) == 1
    assert await pool.fetchval("SELECT handler FROM inbox") == "new"


async def test_a_claim_that_rolls_back_is_not_a_claim(embedded: Rig) -> None:
    pool, message = await embedded.pool("scanner"), a_message(uuid4())
    async with pool.acquire() as conn:
        transaction = conn.transaction()
        await transaction.start()
        assert await inbox.claim(conn, message, "scan")
        await transaction.rollback()
    async with pool.transaction() as conn:
        assert await inbox.claim(conn, message, "scan")
        assert not await inbox.claim(conn, message, "scan")
        assert await inbox.claim(conn, message, "another handler")


async def test_services_see_each_other_s_beats(embedded: Rig) -> None:
    scanner, gateway = await embedded.make("scanner"), await embedded.make("gateway")
    await scanner.beat("1.0.0")
    await gateway.beat("1.0.0")
    await scanner.beat("1.0.1")
    async with embedded.database.connection() as conn:
        await conn.execute(
            "INSERT INTO bus.heartbeat (service, instance, version, seen_at)"
            " VALUES ('scanner', 'gone', '0.9', now() - interval '2 hours')"
        )
    seen = await gateway.services()
    assert [(one.service, one.version) for one in seen] == [
        ("gateway", "1.0.0"),
        ("scanner", "0.9"),
        ("scanner", "1.0.1"),
    ]
    assert seen[1].age_seconds > 7000
    assert seen[2].age_seconds < 60

    await scanner.beat("1.0.1")
    assert [one.version for one in await gateway.services()] == ["1.0.0", "1.0.1"]


async def test_a_service_refuses_a_bus_for_which_the_database_was_not_prepared(
    embedded: Rig,
) -> None:
    embedded.url = "amqp://nobody:nothing@127.0.0.1:1/"
    bus = await embedded.make("scanner")
    with pytest.raises(SettingsError, match="prepared for postgresql"):
        await bus.start()


async def test_a_service_cannot_hear_what_the_topology_does_not_give_it(embedded: Rig) -> None:
    bus = await embedded.make("licensing")
    with pytest.raises(SettingsError, match="does not hear"):
        bus.on(ScanRequested)


async def nothing_left(rig: Rig) -> bool:
    return await rig.left() == 0
