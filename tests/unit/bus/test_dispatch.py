"""From a delivery to its handler and back, with a delivery that fails on command."""

import pytest
from opentelemetry.sdk.trace import TracerProvider
from prometheus_client import CollectorRegistry

from shared.bus import Message, Retry
from shared.bus.dispatch import Dispatcher, Route, read_event
from shared.bus.message import UnreadableError, current
from shared.bus.metrics import Metrics
from shared.events import EVENTS, ScanRequested, VaultScanned
from tests.support.bus import a_scan_request, a_scanned_vault, valid_headers

QUEUE = "scanner.certifyclouds.scan.requested.v1"


class Delivery:
    """Implements `Inbound` and remembers how it was settled."""

    def __init__(self, event: ScanRequested, *, broken: bool = False) -> None:
        self.queue = QUEUE
        self.attempt = 0
        self.headers = valid_headers(event)
        self.body = event.model_dump_json().encode()
        self.settled: list[str] = []
        self._broken = broken

    async def complete(self) -> None:
        self._settle("complete")

    async def retry(self, delay: float) -> None:
        self._settle(f"retry {delay > 0}")

    async def bury(self, reason: str, description: str) -> None:
        self._settle(f"bury {reason} {description}")

    async def release(self) -> None:
        self._settle("release")

    def _settle(self, how: str) -> None:
        self.settled.append(how)
        if self._broken:
            raise ConnectionError("the bus is away")


async def dispatch(delivery: Delivery, *errors: Exception) -> CollectorRegistry:
    async def handler(_: ScanRequested, message: Message) -> None:
        assert current.get() == message
        for error in errors:
            raise error

    registry = CollectorRegistry()
    tracer = TracerProvider().get_tracer("test")
    route = Route(queue=QUEUE, event=ScanRequested, handler=handler, workers=1, retry=Retry())
    await Dispatcher(Metrics(registry), tracer, "test").dispatch(route, delivery)
    assert current.get() is None
    return registry


async def test_a_handled_delivery_is_completed_and_counted() -> None:
    delivery = Delivery(a_scan_request())
    registry = await dispatch(delivery)
    assert delivery.settled == ["complete"]
    assert registry.get_sample_value("certifyclouds_bus_handled_total", {"queue": QUEUE}) == 1


async def test_a_failed_delivery_comes_again() -> None:
    delivery = Delivery(a_scan_request())
    await dispatch(delivery, RuntimeError("a fault"))
    assert delivery.settled == ["retry True"]


@pytest.mark.parametrize("errors", [(), (RuntimeError("a fault"),)])
async def test_a_settlement_that_fails_is_told_and_not_repeated(
    errors: tuple[Exception, ...],
) -> None:
    delivery = Delivery(a_scan_request(), broken=True)
    await dispatch(delivery, *errors)
    assert len(delivery.settled) == 1


def test_a_body_of_the_expected_type_is_read() -> None:
    event = a_scan_request()
    assert read_event(ScanRequested, event.type, event.model_dump_json().encode()) == event


@pytest.mark.parametrize(
    ("wire_type", "reason", "sentence"),
    [
        ("certifyclouds.scan.requested.v2", "newer_version", "update it, then replay"),
        ("certifyclouds.scan.requested.v0", "unknown_type", "The queue is for"),
        ("certifyclouds.scan.requested.vX", "unknown_type", "The queue is for"),
        ("nonsense", "unknown_type", "The queue is for"),
        (VaultScanned.type, "wrong_queue", "The queue is for"),
    ],
)
def test_another_type_is_refused_with_what_to_do(
    wire_type: str, reason: str, sentence: str
) -> None:
    with pytest.raises(UnreadableError, match=sentence) as caught:
        read_event(ScanRequested, wire_type, b"{}")
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "corrupt_body"),
        (b"[]", "corrupt_body"),
        (b"\x00", "corrupt_body"),
        (b"{}", "invalid_event"),
        (a_scanned_vault().model_dump_json().encode(), "invalid_event"),
    ],
)
def test_a_body_that_is_no_such_event_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(UnreadableError) as caught:
        read_event(ScanRequested, ScanRequested.type, body)
    assert caught.value.reason == reason


def test_the_registry_reads_every_type() -> None:
    assert all(event.type == wire_type for wire_type, event in EVENTS.items())
