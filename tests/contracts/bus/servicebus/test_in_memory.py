"""What the test broker tells beside what every broker does."""

from datetime import UTC, datetime, timedelta

from faststream.exceptions import NackMessage, RejectMessage

from shared.bus.broker.servicebus import ServiceBusMessage, TestServiceBusBroker
from tests.support.service_bus import InMemory


async def test_a_delayed_nack_shows_the_copy_that_would_have_been_scheduled() -> None:
    broker = InMemory().make()

    @broker.subscriber("orders")
    async def handle(_: str) -> None:
        raise NackMessage(delay=60)

    tester, before = TestServiceBusBroker(broker), datetime.now(UTC)
    async with tester:
        await broker.publish("x", "orders", message_id="m", headers={"tenant": "a"})
    (settled,) = tester.settled
    assert settled.how == "retry"
    assert settled.copy is not None
    assert settled.copy.message_id == "m:1"
    assert settled.copy.headers == {"tenant": "a", "x-attempt": 1, "x-message-id": "m"}
    assert settled.copy.deliver_at is not None
    assert settled.copy.deliver_at - before >= timedelta(seconds=60)


async def test_a_rejection_shows_its_reason_cut_to_what_service_bus_takes() -> None:
    broker = InMemory().make()

    @broker.subscriber(topic="events", subscription="mail")
    async def handle(_: str) -> None:
        raise RejectMessage(reason="r" * 5000, description="d" * 5000)

    tester = TestServiceBusBroker(broker)
    async with tester:
        await broker.publish("x", topic="events")
    (settled,) = tester.settled
    assert (settled.path, settled.how) == ("events/Subscriptions/mail", "dead_letter")
    assert (settled.reason, settled.description) == ("r" * 4096, "d" * 4096)


async def test_two_subscribers_of_one_queue_compete_for_a_message() -> None:
    broker, seen = InMemory().make(), []

    async def handle(body: str) -> None:
        seen.append(body)

    for _ in range(2):
        broker.subscriber("orders")(handle)
    async with TestServiceBusBroker(broker):
        await broker.publish("x", "orders")
    assert seen == ["x"]


async def test_what_was_dead_lettered_is_not_published_to() -> None:
    broker, seen = InMemory().make(), []

    @broker.subscriber("orders", sub_queue="deadletter")
    async def handle(message: ServiceBusMessage) -> None:
        seen.append(message)

    async with TestServiceBusBroker(broker):
        await broker.publish("x", "orders")
    assert seen == []
