"""What the bus needs of FastStream's private parts: a new release is judged here."""

import ast
import asyncio
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from faststream.asgi import AsgiFastStream
from faststream.exceptions import FeatureNotSupportedException
from faststream.rabbit import RabbitBroker
from faststream.specification import AsyncAPI

from shared.bus.broker import TransportBroker, TransportMessage, has_consumer
from tests.support.bus import a_scan_request, until, valid_headers

ROOT = Path(__file__).parents[3]
PRIVATE = "faststream._internal"


class Parcel:
    """Implements `Inbound`."""

    def __init__(self, number: int) -> None:
        self.queue = "scanner.x"
        self.attempt = 0
        self.headers = valid_headers(a_scan_request())
        self.body = str(number).encode()
        self.settled: list[str] = []

    async def complete(self) -> None:
        self.settled.append("complete")

    async def retry(self, delay: float) -> None:
        self.settled.append(f"retry {delay}")

    async def bury(self, reason: str, description: str) -> None:
        self.settled.append(f"bury {reason} {description}")

    async def release(self) -> None:
        self.settled.append("release")


class Belt:
    """Implements `Transport` and `Feed` in memory."""

    protocol = "memory"
    url = "memory://belt"

    def __init__(self) -> None:
        self.parcels: asyncio.Queue[Parcel] = asyncio.Queue()
        self.open_now = False
        self.answers = True

    async def open(self) -> None:
        self.open_now = True

    async def close(self) -> None:
        self.open_now = False

    async def ping(self) -> bool:
        if not self.answers:
            raise ConnectionError("away")
        return True

    def feed(self, _: str) -> "Belt":
        return self

    async def next(self) -> Parcel:
        return await self.parcels.get()


@pytest.fixture
def belt() -> Belt:
    return Belt()


def test_the_release_is_the_one_that_this_file_was_written_for() -> None:
    used = "\n".join(sorted(private_parts()))
    advice = (
        "FastStream was raised. Compare these private parts, which shared/bus/broker uses, between"
        " the two releases; then look at FastStream's own faststream/mqtt for what a broker has to"
        " do now (its rooms are those of shared/bus/broker/servicebus), run tests/contracts/bus,"
        f" and write the new release here:\n{used}"
    )
    assert version("faststream") == "0.7.8", advice
    assert "faststream[rabbit]==0.7.8" in (ROOT / "requirements" / "runtime.in").read_text()
    assert "faststream._internal.broker BrokerUsecase" in used


def test_every_private_part_that_is_used_is_there() -> None:
    missing = []
    for part in private_parts():
        module, name = part.split()
        if not hasattr(import_module(module), name):
            missing.append(part)
    assert missing == []


def private_parts() -> set[str]:
    """Return what the product imports of FastStream's inside, as `module name`."""
    return {
        f"{node.module} {name.name}"
        for path in (ROOT / "shared" / "bus" / "broker").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(PRIVATE)
        for name in node.names
    }


def test_private_parts_are_touched_in_one_folder_only() -> None:
    files = [
        path for top in ("shared", "services", "sandbox") for path in (ROOT / top).rglob("*.py")
    ]
    touching = {
        path.relative_to(ROOT) for path in files if PRIVATE in path.read_text(encoding="utf-8")
    }
    strangers = [path for path in touching if not path.is_relative_to("shared/bus/broker")]
    assert touching
    assert strangers == []


async def test_a_broker_hands_each_delivery_to_its_handler_and_waits_for_it_at_the_end(
    belt: Belt,
) -> None:
    broker, bodies = TransportBroker(belt), []

    @broker.subscriber("scanner.x", workers=2)
    async def handle(message: TransportMessage) -> None:
        await asyncio.sleep(0.01)
        bodies.append(message.body)
        await message.ack()

    parcels = [Parcel(number) for number in range(4)]
    for parcel in parcels:
        belt.parcels.put_nowait(parcel)
    await broker.start()
    assert belt.open_now
    await until(belt.parcels.empty)
    await broker.stop()
    assert sorted(bodies) == [b"0", b"1", b"2", b"3"]
    assert [parcel.settled for parcel in parcels] == [["complete"]] * 4
    assert not belt.open_now


async def test_a_handler_that_the_stop_does_not_wait_for_gives_its_delivery_back(
    belt: Belt,
) -> None:
    broker, begun = TransportBroker(belt, graceful_timeout=0.01), asyncio.Event()

    @broker.subscriber("scanner.x")
    async def handle(_: TransportMessage) -> None:
        begun.set()
        await asyncio.sleep(3600)

    parcel = Parcel(1)
    belt.parcels.put_nowait(parcel)
    await broker.start()
    await begun.wait()
    await broker.stop()
    assert parcel.settled == ["release"]


async def test_a_worker_survives_a_handler_that_raises(belt: Belt) -> None:
    broker, seen = TransportBroker(belt), []

    @broker.subscriber("scanner.x")
    async def handle(message: TransportMessage) -> None:
        seen.append(message.body)
        raise RuntimeError("a fault that the dispatcher would have caught")

    for number in range(2):
        belt.parcels.put_nowait(Parcel(number))
    await broker.start()
    await until(lambda: len(seen) == 2)
    (subscriber,) = broker.subscribers
    assert subscriber.consuming  # type: ignore[attr-defined]
    await broker.stop()
    assert not subscriber.consuming  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        (lambda message: message.ack(), ["complete"]),
        (lambda message: message.nack(delay=2.0), ["retry 2.0"]),
        (lambda message: message.reject("why", "because"), ["bury why because"]),
    ],
)
async def test_a_message_is_settled_once(belt: Belt, how: object, expected: list[str]) -> None:
    broker = TransportBroker(belt)
    subscriber = broker.subscriber("scanner.x")
    parcel = Parcel(1)
    belt.parcels.put_nowait(parcel)
    message = await subscriber.get_one(timeout=1)
    await how(message)  # type: ignore[operator]
    await how(message)  # type: ignore[operator]
    assert parcel.settled == expected
    assert await subscriber.get_one(timeout=0.01) is None


async def test_ping_says_whether_the_transport_answers(belt: Belt) -> None:
    broker = TransportBroker(belt)
    assert not await broker.ping(1)
    await broker.start()
    assert await broker.ping(1)
    belt.answers = False
    assert not await broker.ping(1)
    await broker.stop()


async def test_nothing_is_published_past_the_outbox(belt: Belt) -> None:
    broker = TransportBroker(belt)
    for call in (broker.publish, broker.request):
        with pytest.raises(FeatureNotSupportedException):
            await call("x")
    with pytest.raises(FeatureNotSupportedException):
        broker.publisher("x")
    with pytest.raises(FeatureNotSupportedException):
        aiter(broker.subscriber("x"))


async def test_faststream_s_own_application_and_generator_take_the_broker(belt: Belt) -> None:
    broker, bodies = TransportBroker(belt), []

    @broker.subscriber("scanner.x", include_in_schema=True)
    async def handle(message: Any) -> None:
        """Handle a thing."""
        bodies.append(message.body)

    app = AsgiFastStream(broker, logger=None)
    belt.parcels.put_nowait(Parcel(7))
    await app.start()
    await until(lambda: bodies)
    await app.stop()
    assert bodies == [b"7"]
    document = AsyncAPI(broker, schema_version="3.0.0").to_specification().to_jsonable()
    assert [channel["address"] for channel in document["channels"].values()] == ["scanner.x"]


def test_a_rabbitmq_subscriber_that_never_started_has_no_consumer() -> None:
    broker = RabbitBroker("amqp://guest:guest@127.0.0.1:1/")

    @broker.subscriber("scanner.x")
    async def handle(body: bytes) -> None: ...

    (subscriber,) = broker.subscribers
    assert not has_consumer(subscriber)
