"""How a message ends on a namespace: given back, later again, dead, and nothing twice or lost."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from faststream.exceptions import NackMessage, RejectMessage, SetupError
from faststream.middlewares import AckPolicy

from sandbox.service_bus import Fault
from shared.bus.broker.servicebus import ServiceBusMessage
from shared.errors import PermanentError
from tests.support.service_bus import OnTheEmulator, Told, until

HOUR = 3600.0


def put_off(rig: OnTheEmulator, queue: str) -> bool:
    """Say whether the copy waits and the original is settled, which comes after."""
    found = rig.namespace.queue(queue)
    return bool(len(found.schedule)) and not len(found.locks)


def let_pass(rig: OnTheEmulator, seconds: float) -> None:
    """Advance the namespace's clock, and let what is due happen."""
    rig.namespace.advance(seconds)
    rig.emulator.wake()


async def test_a_nack_with_a_delay_comes_again_later_as_the_next_attempt(
    on_the_emulator: OnTheEmulator,
) -> None:
    rig, seen = on_the_emulator, []
    rig.queue("orders", duplicate_window=HOUR)
    broker = rig.make()

    @broker.subscriber("orders")
    async def handle(body: dict[str, int], message: ServiceBusMessage) -> None:
        envelope = message.delivery.envelope
        seen.append((body, message.attempt, message.message_id, envelope.message_id))
        if message.attempt < 2:
            raise NackMessage(delay=HOUR)

    async with rig.running(broker):
        await broker.publish({"n": 1}, "orders", message_id="m", headers={"tenant": "a"})
        await until(lambda: put_off(rig, "orders"))
        assert len(seen) == 1
        # From here on the namespace is an hour ahead of the broker: its second copy is due at once.
        let_pass(rig, HOUR + 1)
        await until(lambda: len(seen) == 3)
        assert await rig.ended("orders") == "complete"
    assert seen == [
        ({"n": 1}, 0, "m", "m"),
        ({"n": 1}, 1, "m", "m:1"),
        ({"n": 1}, 2, "m", "m:2"),
    ]


async def test_a_delayed_retry_of_a_forwarded_subscription_reaches_nobody_else(
    on_the_emulator: OnTheEmulator,
) -> None:
    rig, seen, others = on_the_emulator, [], []
    rig.queue("mail.events", "audit.events")
    rig.subscription("events")
    for queue in ("mail.events", "audit.events"):
        rig.namespace.create_subscription("events", queue, forward_to=queue)
    broker = rig.make()

    @broker.subscriber("mail.events")
    async def mail(message: ServiceBusMessage) -> None:
        seen.append(message.attempt)
        if not message.attempt:
            await message.nack(delay=HOUR)

    @broker.subscriber("audit.events")
    async def audit(message: ServiceBusMessage) -> None:
        others.append(message.attempt)

    async with rig.running(broker):
        await broker.publish("x", topic="events")
        await until(lambda: put_off(rig, "mail.events"))
        let_pass(rig, HOUR + 1)
        await until(lambda: seen == [0, 1])
        assert await rig.ended("mail.events") == "complete"
    assert others == [0]


async def test_a_subscription_itself_takes_no_delayed_retry_and_says_what_to_do(
    on_the_emulator: OnTheEmulator, told: Told
) -> None:
    rig, seen = on_the_emulator, []
    rig.subscription("events", "mail", lock_seconds=HOUR)
    broker = rig.make(logger=told)

    @broker.subscriber(topic="events", subscription="mail", max_lock_renewal=0)
    async def handle(message: ServiceBusMessage) -> None:
        seen.append(message.delivery.particulars.delivery_count)
        if len(seen) == 1:
            raise NackMessage(delay=1)

    async with rig.running(broker):
        await broker.publish("x", topic="events")
        await until(told.has("Let the subscription forward to a queue"))
        let_pass(rig, HOUR + 1)
        await until(lambda: seen == [0, 1])


async def test_a_copy_that_cannot_be_stored_leaves_the_message_to_its_lock(
    on_the_emulator: OnTheEmulator, told: Told
) -> None:
    rig, seen = on_the_emulator, []
    rig.queue("orders", lock_seconds=HOUR)
    broker = rig.make(logger=told)

    @broker.subscriber("orders", max_lock_renewal=0)
    async def handle(message: ServiceBusMessage) -> None:
        seen.append(message.attempt)
        if len(seen) == 1:
            rig.namespace.faults.add(Fault(on="send", how="drop-before", count=None))
            raise NackMessage(delay=HOUR)

    async with rig.running(broker):
        await broker.publish("x", "orders")
        await until(told.has("does not answer"))
        assert len(rig.namespace.queue("orders").locks) == 1
        let_pass(rig, HOUR + 1)
        await until(lambda: seen == [0, 0])
        assert await rig.ended("orders") == "complete"


async def test_a_nack_without_a_delay_gives_back_and_service_bus_counts(
    on_the_emulator: OnTheEmulator,
) -> None:
    rig, seen = on_the_emulator, []
    rig.queue("orders", max_delivery_count=3)
    broker = rig.make()

    @broker.subscriber("orders")
    async def handle(message: ServiceBusMessage) -> None:
        seen.append((message.attempt, message.delivery.particulars.delivery_count))
        raise NackMessage

    async with rig.running(broker):
        await broker.publish("x", "orders")
        assert await rig.ended("orders") == "abandon"
    assert seen == [(0, 0), (0, 1), (0, 2)]


async def test_a_rejected_message_is_a_dead_letter_with_its_reason_and_can_be_consumed(
    on_the_emulator: OnTheEmulator,
) -> None:
    rig, dead = on_the_emulator, []
    rig.queue("orders")
    rig.subscription("events", "mail")
    broker = rig.make()

    async def refuse(body: str) -> None:
        raise RejectMessage(reason="no_such_tenant", description=f"{body} is unknown")

    broker.subscriber("orders")(refuse)
    broker.subscriber(topic="events", subscription="mail")(refuse)

    async def take(body: str, message: ServiceBusMessage) -> None:
        details = message.delivery.particulars
        dead.append((details.dead_letter_reason, details.dead_letter_description))
        if body == "again":
            raise NackMessage(delay=1)

    broker.subscriber("orders", sub_queue="deadletter")(take)
    broker.subscriber(topic="events", subscription="mail", sub_queue="deadletter")(take)
    async with rig.running(broker):
        await broker.publish("a", "orders")
        await broker.publish("b", topic="events")
        await until(lambda: len(dead) == 2)
        await until(lambda: not rig.namespace.queue("orders").dead_letters.count)
    assert sorted(dead) == [
        ("no_such_tenant", "a is unknown"),
        ("no_such_tenant", "b is unknown"),
    ]


async def test_a_body_that_is_not_what_the_handler_takes_goes_the_way_of_an_error(
    on_the_emulator: OnTheEmulator,
) -> None:
    rig = on_the_emulator
    rig.queue("orders")
    broker = rig.make(ack_policy=AckPolicy.REJECT_ON_ERROR)

    @broker.subscriber("orders")
    async def handle(body: dict[str, int]) -> None: ...

    async with rig.running(broker):
        await broker.publish({"n": "many"}, "orders")
        assert await rig.ended("orders") == "dead_letter"


async def test_a_scheduled_message_arrives_when_it_is_due(on_the_emulator: OnTheEmulator) -> None:
    rig, seen = on_the_emulator, []
    rig.queue("orders")
    broker = rig.make()
    publisher = broker.publisher("orders")

    @broker.subscriber("orders")
    async def handle(body: str) -> None:
        seen.append(body)

    due = datetime.now(UTC) + timedelta(hours=1)
    async with rig.running(broker):
        await broker.publish("later", "orders", deliver_at=due)
        await publisher.publish("later too", deliver_at=due)
        await broker.publish("now", "orders")
        await until(lambda: seen)
        assert await rig.ended("orders") == "complete"
        assert seen == ["now"]
        let_pass(rig, HOUR + 1)
        await until(lambda: len(seen) == 3)
        with pytest.raises(SetupError, match="time zone"):
            await broker.publish("x", "orders", deliver_at=due.replace(tzinfo=None))
    assert sorted(seen) == ["later", "later too", "now"]


async def test_many_tasks_may_publish_at_once(on_the_emulator: OnTheEmulator) -> None:
    rig, seen = on_the_emulator, []
    rig.queue("orders")
    broker = rig.make()

    @broker.subscriber("orders", max_workers=3)
    async def handle(body: int) -> None:
        seen.append(body)

    async with rig.running(broker):
        await asyncio.gather(*(broker.publish(n, "orders") for n in range(60)))
        await until(lambda: len(seen) == 60)
    assert sorted(seen) == list(range(60))


async def test_a_message_that_is_too_large_is_refused_for_good(
    on_the_emulator: OnTheEmulator,
) -> None:
    rig = on_the_emulator
    rig.queue("orders")
    broker = rig.make()
    async with broker:
        with pytest.raises(PermanentError, match="too large for orders"):
            await broker.publish(b"x" * 2_000_000, "orders")
        await broker.publish(b"small", "orders")
    assert rig.namespace.queue("orders").count == 1


async def test_messages_can_be_received_one_by_one_without_a_handler(
    on_the_emulator: OnTheEmulator,
) -> None:
    rig = on_the_emulator
    rig.queue("orders")
    broker = rig.make()
    subscriber = broker.subscriber("orders")
    async with rig.running(broker):
        assert await subscriber.get_one(timeout=0.2) is None
        for body in ("a", "b", "c"):
            await broker.publish(body, "orders")
        message = await subscriber.get_one(timeout=5)
        assert message is not None
        assert await message.decode() == "a"
        await message.ack()
        async for other in subscriber:
            assert await other.decode() == "b"
            break
    # What was received and not settled was given back at the end.
    assert rig.namespace.queue("orders").count == 2
    assert len(rig.namespace.queue("orders").locks) == 0
