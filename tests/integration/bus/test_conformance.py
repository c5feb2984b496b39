"""What both buses promise, proven on each: PostgreSQL and RabbitMQ with real servers."""

import asyncio
import contextlib
import sys
from datetime import timedelta
from itertools import pairwise
from uuid import uuid4

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry

from shared.bus import Message, Retry, inbox, topology
from shared.clock import utc_now
from shared.errors import PermanentError, TransientError
from shared.events import ScanRequested, SecretExpiring, VaultScanned
from tests.support.bus import (
    QUICK,
    Rig,
    Seen,
    a_scan_request,
    a_scanned_vault,
    an_expiring_secret,
    until,
    valid_headers,
)

SCANS = topology.queue_name("scanner", ScanRequested)


async def test_every_subscriber_of_an_event_gets_it_once(rig: Rig) -> None:
    syncer, alerting, gateway = Seen(), Seen(), Seen()
    async with (
        rig.consumer("syncer", VaultScanned, syncer),
        rig.consumer("alerting", VaultScanned, alerting),
        rig.consumer("gateway", VaultScanned, gateway),
    ):
        ids = await rig.emit("scanner", *(a_scanned_vault(n) for n in range(20)))
        await until(lambda: all(len(seen.events) >= 20 for seen in (syncer, alerting, gateway)))

    for seen in (syncer, alerting, gateway):
        assert sorted(message.id for message in seen.messages) == sorted(ids)
        assert {event.vault_id for event in seen.events} == set(range(20))


async def test_a_rolled_back_transaction_publishes_nothing(rig: Rig) -> None:
    seen = Seen()
    pool = await rig.pool("gateway")
    async with rig.consumer("scanner", ScanRequested, seen):
        bus = await rig.make("gateway")
        with contextlib.suppress(RuntimeError):
            async with pool.transaction() as conn:
                await bus.emit(a_scan_request(), connection=conn)
                raise RuntimeError
        (kept,) = await rig.emit("gateway", a_scan_request())
        await until(lambda: seen.messages)

    assert [message.id for message in seen.messages] == [kept]


async def test_an_event_id_that_was_published_before_changes_nothing(rig: Rig) -> None:
    seen, event_id = Seen(), uuid4()
    async with rig.consumer("scanner", ScanRequested, seen):
        await rig.emit("gateway", a_scan_request(), message_id=event_id)
        await until(lambda: seen.messages)
        await rig.emit("gateway", a_scan_request(), message_id=event_id)
        (last,) = await rig.emit("gateway", a_scan_request())
        await until(lambda: len(seen.messages) >= 2)

    assert [message.id for message in seen.messages] == [event_id, last]


async def test_a_failed_event_comes_again_after_a_while_and_then_succeeds(rig: Rig) -> None:
    def once(message: Message) -> None:
        if message.attempt == 0:
            raise TransientError("The vault throttles us.")

    seen = Seen(fail=once)
    async with rig.consumer("scanner", ScanRequested, seen):
        await rig.emit("gateway", a_scan_request())
        await until(lambda: len(seen.messages) == 2)
        await until_empty(rig)

    assert [message.attempt for message in seen.messages] == [0, 1]
    assert seen.messages[0].id == seen.messages[1].id
    assert await rig.dead_letters() == []


async def test_a_wait_that_was_asked_for_is_kept(rig: Rig) -> None:
    times = []

    def throttled(message: Message) -> None:
        times.append(asyncio.get_running_loop().time())
        if message.attempt == 0:
            raise TransientError("The vault throttles us.", retry_after=1.0)

    async with rig.consumer("scanner", ScanRequested, Seen(fail=throttled)):
        await rig.emit("gateway", a_scan_request())
        await until(lambda: len(times) == 2)

    assert times[1] - times[0] >= 1.0


async def test_an_event_that_fails_every_time_becomes_a_dead_letter_with_body_and_reason(
    rig: Rig,
) -> None:
    def always(_: Message) -> None:
        raise RuntimeError("It broke. Here is more than an operator needs.")

    seen, event = Seen(fail=always), a_scan_request()
    async with rig.consumer("scanner", ScanRequested, seen):
        (event_id,) = await rig.emit("gateway", event)
        await until_dead(rig, 1)
        await until_empty(rig)

    (letter,) = await rig.dead_letters(SCANS)
    assert [message.attempt for message in seen.messages] == [0, 1, 2]
    assert (letter.queue, letter.message_id, letter.type) == (SCANS, event_id, ScanRequested.type)
    assert (letter.attempts, letter.reason) == (3, "attempts_exhausted")
    assert letter.description == "RuntimeError: It broke."
    assert ScanRequested.model_validate_json(letter.body) == event
    assert letter.headers["ce-id"] == str(event_id)
    assert letter.headers["ce-source"] == "gateway"
    assert letter.dead_at is not None


async def test_a_permanent_error_becomes_a_dead_letter_at_once(rig: Rig) -> None:
    def refuse(_: Message) -> None:
        raise PermanentError("The subscription does not exist; remove it from the request.")

    seen = Seen(fail=refuse)
    async with rig.consumer("scanner", ScanRequested, seen):
        await rig.emit("gateway", a_scan_request())
        await until_dead(rig, 1)

    (letter,) = await rig.dead_letters()
    assert len(seen.messages) == 1
    assert (letter.reason, letter.attempts) == ("permanent_error", 1)
    assert "remove it from the request" in letter.description


@pytest.mark.parametrize(
    ("headers", "body", "reason"),
    [
        ({}, b"{ not json", "corrupt_body"),
        ({}, b"\xff\xfe", "corrupt_body"),
        ({}, b"{}", "invalid_event"),
        ({"ce-type": "certifyclouds.scan.requested.v2"}, b"{}", "newer_version"),
        ({"ce-type": "certifyclouds.moon.landed.v1"}, b"{}", "unknown_type"),
        ({"ce-id": "not an id"}, b"{}", "corrupt_headers"),
    ],
)
async def test_what_cannot_be_read_becomes_a_dead_letter_and_the_next_is_handled(
    rig: Rig, headers: dict[str, str], body: bytes, reason: str
) -> None:
    seen = Seen()
    async with rig.consumer("scanner", ScanRequested, seen):
        await rig.inject(SCANS, body, valid_headers(a_scan_request(), **headers))
        await until_dead(rig, 1)
        await rig.emit("gateway", a_scan_request())
        await until(lambda: seen.messages)
        await until_empty(rig)

    (letter,) = await rig.dead_letters(SCANS)
    assert (letter.reason, letter.body) == (reason, body)
    assert len(seen.messages) == 1


async def test_fields_of_a_newer_release_are_ignored(rig: Rig) -> None:
    seen, event = Seen(), a_scan_request()
    body = event.model_dump_json()[:-1] + ',"colour_of_a_later_release":"blue"}'
    async with rig.consumer("scanner", ScanRequested, seen):
        await rig.inject(SCANS, body.encode(), valid_headers(event))
        await until(lambda: seen.events)

    assert seen.events == [event]


async def test_a_message_delivered_twice_has_one_effect(rig: Rig) -> None:
    pool, effects, deliveries = await rig.pool("scanner"), [], []
    event = a_scan_request()
    headers = valid_headers(event)

    async def handle(_: ScanRequested, message: Message) -> None:
        async with pool.transaction() as conn:
            if await inbox.claim(conn, message, "start scan"):
                effects.append(message.id)
        deliveries.append(message.id)

    async with rig.consumer("scanner", ScanRequested, handle, workers=3):
        for _ in range(3):
            await rig.inject(SCANS, event.model_dump_json().encode(), headers)
        await until(lambda: len(deliveries) == 3)

    assert len(effects) == 1


async def test_stopping_finishes_what_is_in_flight_and_gives_the_rest_back(rig: Rig) -> None:
    begun, finished = asyncio.Event(), []

    async def slow(event: ScanRequested, _: Message) -> None:
        begun.set()
        await asyncio.sleep(0.5)
        finished.append(event.scan_id)

    events = [a_scan_request() for _ in range(6)]
    async with rig.consumer("scanner", ScanRequested, slow, workers=2):
        await rig.emit("gateway", *events)
        await begun.wait()
    assert 1 <= len(finished) <= 4

    rest = Seen()
    async with rig.consumer("scanner", ScanRequested, rest):
        await until(lambda: len(finished) + len(rest.events) >= 6)
        await until_empty(rig)
    handled = finished + [event.scan_id for event in rest.events]
    assert sorted(handled) == sorted(event.scan_id for event in events)


async def test_a_handler_that_outlives_the_stop_is_cancelled_and_its_message_comes_again(
    rig: Rig,
) -> None:
    begun = asyncio.Event()

    async def stuck(_: ScanRequested, __: Message) -> None:
        begun.set()
        await asyncio.sleep(3600)

    async with rig.consumer("scanner", ScanRequested, stuck, stop_seconds=0.2):
        (event_id,) = await rig.emit("gateway", a_scan_request())
        await begun.wait()

    seen = Seen()
    async with rig.consumer("scanner", ScanRequested, seen):
        await until(lambda: seen.messages)
    assert [(message.id, message.attempt) for message in seen.messages] == [(event_id, 0)]


async def test_what_a_handler_emits_names_its_cause(rig: Rig) -> None:
    expiring = Seen()
    scanner = await rig.make("scanner")
    pool = await rig.pool("scanner")

    @scanner.on(ScanRequested)
    async def handle(_: ScanRequested, __: Message) -> None:
        async with pool.transaction() as conn:
            await scanner.emit(an_expiring_secret(7, utc_now()), connection=conn)

    correlation = uuid4()
    async with rig.running(scanner), rig.consumer("rotator", SecretExpiring, expiring):
        (asked,) = await rig.emit("gateway", a_scan_request(), correlation_id=correlation)
        await until(lambda: expiring.messages)

    (message,) = expiring.messages
    assert (message.correlation_id, message.causation_id) == (correlation, asked)
    assert (message.source, message.type) == ("scanner", SecretExpiring.type)


async def test_an_event_without_a_cause_is_the_root_of_its_correlation(rig: Rig) -> None:
    seen, before = Seen(), utc_now()
    async with rig.consumer("scanner", ScanRequested, seen):
        (event_id,) = await rig.emit("gateway", a_scan_request())
        await until(lambda: seen.messages)

    (message,) = seen.messages
    assert (message.id, message.correlation_id, message.causation_id) == (event_id, event_id, None)
    assert (message.source, message.queue, message.attempt) == ("gateway", SCANS, 0)
    assert before <= message.time <= utc_now()


async def test_an_event_for_later_is_not_delivered_before(rig: Rig) -> None:
    seen = Seen()
    due = utc_now() + timedelta(seconds=1.5)
    async with rig.consumer("scanner", ScanRequested, seen):
        (late,) = await rig.emit("gateway", a_scan_request(), deliver_at=due)
        (early,) = await rig.emit("gateway", a_scan_request())
        await until(lambda: len(seen.messages) == 2)
        arrived = utc_now()

    assert [message.id for message in seen.messages] == [early, late]
    assert arrived >= due


async def test_fifteen_consumers_never_share_a_delivery(rig: Rig) -> None:
    seen = Seen()
    buses = [await rig.make("scanner") for _ in range(3)]
    for bus in buses:
        bus.on(ScanRequested, workers=5)(seen)
    async with rig.running(*buses):
        ids = await rig.emit("gateway", *(a_scan_request() for _ in range(300)))
        await until(lambda: len(seen.messages) >= 300)
        await until_empty(rig)

    assert sorted(message.id for message in seen.messages) == sorted(ids)


async def test_an_operator_sees_replays_and_purges_dead_letters(rig: Rig) -> None:
    broken = True

    def maybe(_: Message) -> None:
        if broken:
            raise PermanentError("It does not work yet.")

    seen, operator = Seen(fail=maybe), await rig.operator()
    async with rig.consumer("scanner", ScanRequested, seen):
        first, second = await rig.emit("gateway", a_scan_request(), a_scan_request())
        await until_dead(rig, 2)
        depth = {depth.queue: depth for depth in await operator.depths()}
        broken = False
        assert await operator.purge(SCANS, second) == 1
        assert await operator.replay(SCANS, first) == 1
        assert await operator.replay(SCANS) == 0
        await until(lambda: len(seen.messages) == 3)
        await until_empty(rig)

    assert (depth[SCANS].dead, depth[SCANS].ready) == (2, 0)
    assert (seen.messages[-1].id, seen.messages[-1].attempt) == (first, 0)
    assert await rig.dead_letters() == []


async def test_health_tells_whether_every_queue_has_its_consumer(rig: Rig) -> None:
    bus = await rig.make("scanner")
    bus.on(ScanRequested, retry=Retry())(Seen())
    assert not bus.consuming()
    assert not await bus.ping(0.5)
    async with rig.running(bus):
        await until(bus.consuming)
        assert await bus.ping(2)
    assert not bus.consuming()


async def test_a_second_handler_of_one_queue_is_refused(rig: Rig) -> None:
    bus = await rig.make("scanner")
    bus.on(ScanRequested)(Seen())
    with pytest.raises(PermanentError, match="has a handler already"):
        bus.on(ScanRequested, retry=QUICK)(Seen())


async def test_a_message_whose_consumer_is_killed_is_delivered_again(rig: Rig) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.support.bus_process",
        rig.database.url("scanner"),
        rig.url,
        stdout=asyncio.subprocess.PIPE,
    )
    (event_id,) = await rig.emit("gateway", a_scan_request())
    async with rig.running(await rig.make("gateway")):  # in external mode somebody must relay
        assert process.stdout is not None
        assert await asyncio.wait_for(process.stdout.readline(), 30) == f"{event_id}\n".encode()
    process.kill()
    await process.wait()
    rig.lose_locks()

    seen = Seen()
    async with rig.consumer("scanner", ScanRequested, seen):
        await until(lambda: seen.messages)
    assert [(message.id, message.attempt) for message in seen.messages] == [(event_id, 0)]


async def test_a_handler_that_outlives_its_lock_keeps_its_message(rig: Rig) -> None:
    seconds = await rig.shorten_locks()
    tries: list[int] = []

    async def slow(_: ScanRequested, message: Message) -> None:
        tries.append(message.attempt)
        await asyncio.sleep(1.6 * seconds)

    async with rig.consumer("scanner", ScanRequested, slow, workers=2, lease_seconds=seconds):
        await rig.emit("gateway", a_scan_request())
        await until(lambda: tries)
        await until(lambda: nothing_left(rig))

    assert tries == [0]


async def nothing_left(rig: Rig) -> bool:
    return await rig.left() == 0


async def test_one_trace_leads_from_the_first_cause_to_the_last_handler(rig: Rig) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    scanner = await rig.make("scanner", tracer_provider=provider)
    gateway = await rig.make("gateway", tracer_provider=provider)
    pool, rotator = await rig.pool("scanner"), Seen()

    @scanner.on(ScanRequested)
    async def handle(_: ScanRequested, __: Message) -> None:
        async with pool.transaction() as conn:
            await scanner.emit(an_expiring_secret(7, utc_now()), connection=conn)

    tracer = provider.get_tracer("test")
    consumer = rig.consumer("rotator", SecretExpiring, rotator, tracer_provider=provider)
    async with rig.running(scanner), consumer:
        with tracer.start_as_current_span("POST /scans"):
            async with (await rig.pool("gateway")).transaction() as conn:
                await gateway.emit(a_scan_request(), connection=conn)
        await until(lambda: len(exporter.get_finished_spans()) == 5)

    spans = {span.name: span for span in exporter.get_finished_spans()}
    chain = [
        "POST /scans",
        f"emit {ScanRequested.type}",
        f"handle {ScanRequested.type}",
        f"emit {SecretExpiring.type}",
        f"handle {SecretExpiring.type}",
    ]
    for parent, child in pairwise(chain):
        link = spans[child].parent
        assert link is not None
        assert link.span_id == spans[parent].context.span_id
    assert len({span.context.trace_id for span in spans.values()}) == 1


async def test_both_buses_count_the_same_things_under_the_same_names(rig: Rig) -> None:
    def by_attempt(message: Message) -> None:
        if message.attempt == 0:
            raise TransientError("Later.")
        raise PermanentError("Never.")

    registry = CollectorRegistry()
    async with rig.consumer("scanner", ScanRequested, Seen(fail=by_attempt), registry=registry):
        await rig.emit("gateway", a_scan_request())
        await until_dead(rig, 1)

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"certifyclouds_bus_{name}", {"queue": SCANS, **labels})

    assert value("received_total") == 2
    assert value("failed_total", error="TransientError") == 1
    assert value("dead_lettered_total", reason="permanent_error") == 1
    assert value("handling_seconds_count") == 2
    assert registry.get_sample_value("certifyclouds_bus_outbox_age_seconds") is not None


async def test_an_error_s_secret_reaches_neither_dead_letter_nor_trace(rig: Rig) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))

    def leak(_: Message) -> None:
        raise PermanentError("Refused: amqp://user:hunter2hunter2@host and password=hunter2hunter2")

    async with rig.consumer("scanner", ScanRequested, Seen(fail=leak), tracer_provider=provider):
        await rig.emit("gateway", a_scan_request())
        await until_dead(rig, 1)

    (letter,) = await rig.dead_letters()
    (span,) = exporter.get_finished_spans()
    assert "hunter2" not in letter.description + str(letter.headers) + span.to_json()


async def until_dead(rig: Rig, count: int) -> None:
    async def enough() -> bool:
        return len(await rig.dead_letters()) >= count

    await until(enough)


async def until_empty(rig: Rig) -> None:
    async def empty() -> bool:
        return await rig.left() == 0

    await until(empty)
