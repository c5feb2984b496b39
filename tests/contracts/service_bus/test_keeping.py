"""What a queue keeps, for how long, and how it can be looked at."""

from datetime import timedelta

import pytest
from azure.servicebus import ServiceBusMessage, ServiceBusMessageState, ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.exceptions import MessageNotFoundError

from sandbox.service_bus import Namespace
from tests.support.service_bus_client import body, one, send


async def test_a_deferred_message_is_received_by_its_number_only(
    client: ServiceBusClient, namespace: Namespace
) -> None:
    await send(client, "orders", ServiceBusMessage(b"first"), ServiceBusMessage(b"second"))
    async with client.get_queue_receiver("orders") as receiver:
        deferred = await one(receiver)
        await receiver.defer_message(deferred)
        following = await one(receiver)
        assert body(following) == b"second"
        await receiver.complete_message(following)
        (again,) = await receiver.receive_deferred_messages(deferred.sequence_number)
        assert (body(again), again.delivery_count) == (b"first", 1)
        await receiver.complete_message(again)
        with pytest.raises(MessageNotFoundError):
            await receiver.receive_deferred_messages(deferred.sequence_number)
    assert namespace.queue("orders").count == 0


async def test_a_deferred_message_can_be_dead_lettered(
    client: ServiceBusClient, namespace: Namespace
) -> None:
    await send(client, "orders", ServiceBusMessage(b"x"))
    async with client.get_queue_receiver("orders") as receiver:
        message = await one(receiver)
        await receiver.defer_message(message)
        (again,) = await receiver.receive_deferred_messages(message.sequence_number)
        await receiver.dead_letter_message(again, reason="Late")
    (dead,) = namespace.queue("orders").dead_letters.peek(0, 5)
    assert dead.message.application_properties["DeadLetterReason"] == "Late"


async def test_a_duplicate_within_the_window_is_dropped(
    client: ServiceBusClient, namespace: Namespace
) -> None:
    namespace.create_queue("once", duplicate_window=60)
    for _ in range(3):
        await send(client, "once", ServiceBusMessage(b"x", message_id="same"))
    assert namespace.queue("once").count == 1
    namespace.advance(61)
    await send(client, "once", ServiceBusMessage(b"x", message_id="same"))
    assert namespace.queue("once").count == 2


async def test_a_duplicate_on_a_topic_reaches_no_subscription(
    client: ServiceBusClient, namespace: Namespace
) -> None:
    namespace.create_topic("once", duplicate_window=60)
    namespace.create_subscription("once", "all")
    async with client.get_topic_sender("once") as sender:
        await sender.send_messages(ServiceBusMessage(b"x", message_id="same"))
        await sender.send_messages(ServiceBusMessage(b"x", message_id="same"))
    assert namespace.queue("once/subscriptions/all").count == 1


async def test_a_message_that_expired_is_a_dead_letter_where_that_is_asked_for(
    client: ServiceBusClient, namespace: Namespace
) -> None:
    namespace.create_queue("short", dead_letter_on_expiry=True)
    namespace.create_queue("gone")
    short = timedelta(seconds=5)
    for queue in ("short", "gone"):
        await send(client, queue, ServiceBusMessage(b"x", time_to_live=short))
    namespace.advance(6)
    assert (namespace.queue("short").count, namespace.queue("gone").count) == (0, 0)
    assert namespace.queue("gone").dead_letters.count == 0
    async with client.get_queue_receiver(
        "short", sub_queue=ServiceBusSubQueue.DEAD_LETTER
    ) as receiver:
        message = await one(receiver)
        assert message.dead_letter_reason == "TTLExpiredException"
        await receiver.complete_message(message)


async def test_the_queues_time_to_live_bounds_the_messages_and_a_lock_outlives_it(
    client: ServiceBusClient, namespace: Namespace
) -> None:
    namespace.create_queue("short", seconds_to_live=5)
    await send(client, "short", ServiceBusMessage(b"1", time_to_live=timedelta(hours=1)))
    async with client.get_queue_receiver("short") as receiver:
        held = await one(receiver)
        namespace.advance(6)
        await receiver.complete_message(held)
    await send(client, "short", ServiceBusMessage(b"2"))
    namespace.advance(6)
    assert namespace.queue("short").count == 0


async def test_a_batch_arrives_whole_and_in_order(client: ServiceBusClient) -> None:
    await send(client, "orders", *[ServiceBusMessage(str(n).encode()) for n in range(50)])
    async with client.get_queue_sender("orders") as sender:
        batch = await sender.create_message_batch()
        batch.add_message(ServiceBusMessage(b"alone"))
        await sender.send_messages(batch)
    found = []
    async with client.get_queue_receiver("orders", prefetch_count=20) as receiver:
        while len(found) < 51:
            for message in await receiver.receive_messages(20, max_wait_time=10):
                found.append(body(message))
                await receiver.complete_message(message)
    assert found == [str(n).encode() for n in range(50)] + [b"alone"]


async def test_a_peek_shows_every_state_and_locks_nothing(
    client: ServiceBusClient, namespace: Namespace
) -> None:
    await send(client, "orders", *[ServiceBusMessage(str(n).encode()) for n in range(3)])
    async with (
        client.get_queue_receiver("orders") as receiver,
        client.get_queue_sender("orders") as sender,
    ):
        await receiver.defer_message(await one(receiver))
        at = namespace.agenda.clock.now() + timedelta(hours=1)
        await sender.schedule_messages(ServiceBusMessage(b"later"), at)
        peeked = await receiver.peek_messages(10, sequence_number=1)
        assert [body(message) for message in peeked] == [b"0", b"1", b"2", b"later"]
        assert [message.state for message in peeked] == [
            ServiceBusMessageState.DEFERRED,
            ServiceBusMessageState.ACTIVE,
            ServiceBusMessageState.ACTIVE,
            ServiceBusMessageState.SCHEDULED,
        ]
        assert len(await receiver.peek_messages(2, sequence_number=2)) == 2
    assert len(namespace.queue("orders").locks) == 0


async def test_an_abandoned_message_returns_to_its_place(client: ServiceBusClient) -> None:
    await send(client, "orders", ServiceBusMessage(b"1"), ServiceBusMessage(b"2"))
    async with client.get_queue_receiver("orders") as receiver:
        await receiver.abandon_message(await one(receiver))
        for expected in (b"1", b"2"):
            message = await one(receiver)
            assert body(message) == expected
            await receiver.complete_message(message)


async def test_a_receiver_that_closes_gives_back_what_it_prefetched(
    client: ServiceBusClient, namespace: Namespace
) -> None:
    await send(client, "orders", *[ServiceBusMessage(b"x") for _ in range(5)])
    async with client.get_queue_receiver("orders", prefetch_count=5) as receiver:
        await receiver.complete_message(await one(receiver))
    queue = namespace.queue("orders")
    assert (queue.count, len(queue.locks)) == (4, 0)
    assert {stored.delivery_count for stored in queue.peek(0, 9)} == {0}


async def test_two_receivers_share_a_queue(client: ServiceBusClient, namespace: Namespace) -> None:
    async with (
        client.get_queue_receiver("orders") as first,
        client.get_queue_receiver("orders") as second,
    ):
        await send(client, "orders", ServiceBusMessage(b"1"), ServiceBusMessage(b"2"))
        messages = [await one(first), await one(second)]
        assert {body(message) for message in messages} == {b"1", b"2"}
        await first.complete_message(messages[0])
        await second.complete_message(messages[1])
    assert namespace.queue("orders").count == 0
