"""What goes wrong around a Service Bus namespace: what to do is said, nothing is lost."""

from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry

from shared.bus import topology
from shared.bus.backends import servicebus
from shared.bus.servicebus import entities
from shared.bus.servicebus import namespace as reached
from shared.bus.servicebus.forwarding import unreached
from shared.errors import TransientError
from shared.events import ScanRequested
from shared.health import Status
from tests.support.bus import Rig, Seen, a_scan_request, until
from tests.support.bus_state import outbox, status_is
from tests.support.leftovers import bears_leftovers
from tests.support.namespace import Namespace

pytestmark = bears_leftovers
SCANS = topology.queue_name("scanner", ScanRequested)
EVENTS = 5


@pytest.fixture(autouse=True)
def _mended(service_bus: Namespace) -> Iterator[None]:
    yield
    service_bus.clear_faults()


@pytest.mark.parametrize(
    ("fault", "reason", "words"),
    [
        ({"condition": "amqp:resource-limit-exceeded"}, "refused", "is full"),
        ({}, "busy", "is busy"),
        ({"condition": "amqp:unauthorized-access"}, "unauthorized", "Send"),
    ],
)
async def test_a_namespace_that_takes_nothing_keeps_events_in_the_outbox_and_shows_in_health(
    namespaced: Rig, service_bus: Namespace, fault: dict[str, str], reason: str, words: str
) -> None:
    registry, seen = CollectorRegistry(), Seen()
    service_bus.add_fault(on="send", entity=entities.TOPIC, count=None, **fault)
    async with namespaced.consumer("scanner", ScanRequested, seen, registry=registry) as bus:
        sent = await namespaced.emit("gateway", *(a_scan_request() for _ in range(EVENTS)))
        await until(lambda: status_is(bus, Status.DEGRADED, words))
        assert await outbox(namespaced) == EVENTS
        service_bus.clear_faults()
        await until(lambda: len(seen.messages) == EVENTS, seconds=60)
        await until(lambda: status_is(bus, Status.OK), seconds=60)

    assert {message.id for message in seen.messages} == {*sent}
    assert registry.get_sample_value("certifyclouds_bus_relay_failed_total", {"reason": reason})


async def test_a_topic_that_is_missing_keeps_events_until_migrate_has_run(
    namespaced: Rig,
) -> None:
    seen = Seen()
    async with reached.Namespace.of(namespaced.url).administered() as client:
        await client.delete_topic(entities.TOPIC)
    async with namespaced.consumer("scanner", ScanRequested, seen) as bus:
        (event_id,) = await namespaced.emit("gateway", a_scan_request())
        await until(lambda: status_is(bus, Status.DEGRADED, "run certifyclouds migrate"))
        assert await outbox(namespaced) == 1
        await namespaced.switch(namespaced.url)
        await until(lambda: seen.messages, seconds=60)

    assert [message.id for message in seen.messages] == [event_id]


async def test_a_subscription_that_is_gone_is_said_until_migrate_has_run(
    namespaced: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servicebus, "LOOK_SECONDS", 0.2)
    monkeypatch.setattr(servicebus, "SETTLE_SECONDS", 0.0)
    seen = Seen()
    async with namespaced.consumer("scanner", ScanRequested, seen) as bus:
        await until(lambda: status_is(bus, Status.OK))
        async with reached.Namespace.of(namespaced.url).administered() as client:
            await client.delete_subscription(entities.TOPIC, entities.subscription_name(SCANS))
        await until(lambda: status_is(bus, Status.DEGRADED, f"puts no events into {SCANS}"))
        await namespaced.switch(namespaced.url)
        await until(lambda: status_is(bus, Status.OK))
        (event_id,) = await namespaced.emit("gateway", a_scan_request())
        await until(lambda: seen.messages)

    assert [message.id for message in seen.messages] == [event_id]


async def test_what_cannot_be_asked_is_not_called_gone(
    namespaced: Rig, service_bus: Namespace
) -> None:
    there = reached.Namespace.of(namespaced.url)
    async with there.connected(retry_total=0) as connection:
        service_bus.add_fault(on="attach", count=None, condition="amqp:unauthorized-access")
        assert await unreached(connection, [SCANS]) == []
        service_bus.clear_faults()
        assert await unreached(connection, [SCANS, "scanner.nothing"]) == ["scanner.nothing"]


async def test_a_queue_that_is_missing_is_said_and_consumed_when_it_is_there(
    namespaced: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servicebus.ServiceBusBackend, "start_seconds", 1.0)
    async with reached.Namespace.of(namespaced.url).administered() as client:
        await client.delete_queue(SCANS)
    seen = Seen()
    async with namespaced.consumer("scanner", ScanRequested, seen) as bus:
        await until(lambda: status_is(bus, Status.FAILED, SCANS))
        with pytest.raises(TransientError, match="run certifyclouds migrate"):
            await (await namespaced.operator()).depths()
        await namespaced.switch(namespaced.url)
        await namespaced.emit("gateway", a_scan_request())
        await until(lambda: seen.messages, seconds=60)
        await until(lambda: status_is(bus, Status.OK))


async def test_a_wrong_key_is_said_in_health_and_events_wait(
    namespaced: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servicebus.ServiceBusBackend, "start_seconds", 1.0)
    right = namespaced.url
    namespaced.url = right.replace("SharedAccessKey=", "SharedAccessKey=aHVudGVyMg==")
    async with namespaced.consumer("scanner", ScanRequested, Seen()) as bus:
        await namespaced.emit("gateway", a_scan_request())
        await until(lambda: status_is(bus, Status.FAILED, "shared access policies"), seconds=40)
        assert not await status_is(bus, Status.FAILED, "aHVudGVyMg")
    namespaced.url = right
    assert await outbox(namespaced) == 1
