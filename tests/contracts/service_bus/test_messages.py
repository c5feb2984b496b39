"""Sending, receiving and settling."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from azure.servicebus import (
    ServiceBusMessage,
    ServiceBusReceiveMode,
    ServiceBusSubQueue,
)
from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.exceptions import MessageLockLostError

from sandbox.service_bus import Emulator, Namespace
from tests.support.service_bus_client import body, one, send


async def test_a_message_arrives_as_it_was_sent(
    client: ServiceBusClient, namespace: Namespace
) -> None:
    sent = ServiceBusMessage(
        b"x",
        message_id="1",
        correlation_id="c",
        subject="s",
        application_properties={"k": "v", "n": 5},
        content_type="application/json",
    )
    await send(client, "orders", sent)
    async with client.get_queue_receiver("orders") as receiver:
        message = await one(receiver)
        assert body(message) == b"x"
        assert (message.message_id, message.correlation_id, message.subject) == ("1", "c", "s")
        assert message.content_type == "application/json"
        assert message.application_properties == {b"k": b"v", b"n": 5}
        assert (message.delivery_count, message.sequence_number) == (0, 1)
        await receiver.complete_message(message)
    assert namespace.queue("orders").count == 0


async def test_a_message_abandoned_too_often_is_a_dead_letter(client: ServiceBusClient) -> None:
    await send(client, "orders", ServiceBusMessage(b"x"))
    async with client.get_queue_receiver("orders") as receiver:
        for count in range(3):
            message = await one(receiver)
            assert message.delivery_count == count
            await receiver.abandon_message(message)
    async with client.get_queue_receiver(
        "orders", sub_queue=ServiceBusSubQueue.DEAD_LETTER
    ) as receiver:
        message = await one(receiver)
        assert message.dead_letter_reason == "MaxDeliveryCountExceeded"
        await receiver.complete_message(message)


async def test_a_dead_letter_says_why(client: ServiceBusClient, namespace: Namespace) -> None:
    await send(client, "orders", ServiceBusMessage(b"x", application_properties={"k": "v"}))
    async with client.get_queue_receiver("orders") as receiver:
        await receiver.dead_letter_message(
            await one(receiver), reason="BadSchema", error_description="no such type"
        )
    assert namespace.queue("orders").dead_letters.count == 1
    async with client.get_queue_receiver(
        "orders", sub_queue=ServiceBusSubQueue.DEAD_LETTER
    ) as receiver:
        message = await one(receiver)
        assert message.dead_letter_reason == "BadSchema"
        assert message.dead_letter_error_description == "no such type"
        assert message.application_properties[b"k"] == b"v"
        await receiver.complete_message(message)


async def test_a_receiver_that_deletes_leaves_nothing(
    client: ServiceBusClient, namespace: Namespace
) -> None:
    await send(client, "orders", ServiceBusMessage(b"x"))
    async with client.get_queue_receiver(
        "orders", receive_mode=ServiceBusReceiveMode.RECEIVE_AND_DELETE
    ) as receiver:
        assert body(await one(receiver)) == b"x"
    assert (namespace.queue("orders").count, len(namespace.queue("orders").locks)) == (0, 0)


async def test_a_lock_that_expired_is_lost_and_the_message_comes_again(
    client: ServiceBusClient, namespace: Namespace
) -> None:
    await send(client, "orders", ServiceBusMessage(b"x"))
    async with client.get_queue_receiver("orders") as receiver:
        message = await one(receiver)
        namespace.advance(31)
        with pytest.raises(MessageLockLostError):
            await receiver.complete_message(message)
        again = await one(receiver)
        assert again.delivery_count == 1
        await receiver.complete_message(again)
    assert namespace.queue("orders").count == 0


async def test_a_renewed_lock_holds_longer(client: ServiceBusClient, namespace: Namespace) -> None:
    await send(client, "orders", ServiceBusMessage(b"x"))
    async with client.get_queue_receiver("orders") as receiver:
        message = await one(receiver)
        before = message.locked_until_utc
        namespace.advance(20)
        assert await receiver.renew_message_lock(message) > before
        namespace.advance(20)
        await receiver.complete_message(message)
    assert namespace.queue("orders").count == 0


async def test_a_scheduled_message_arrives_at_its_time(
    client: ServiceBusClient, namespace: Namespace
) -> None:
    at = datetime.now(UTC) + timedelta(hours=1)
    async with client.get_queue_sender("orders") as sender:
        await sender.send_messages(ServiceBusMessage(b"property", scheduled_enqueue_time_utc=at))
        first, second = await sender.schedule_messages(
            [ServiceBusMessage(b"operation"), ServiceBusMessage(b"cancelled")], at
        )
        await sender.cancel_scheduled_messages(second)
    assert (namespace.queue("orders").count, len(namespace.queue("orders").schedule)) == (0, 2)
    namespace.advance(3_601)
    async with client.get_queue_receiver("orders") as receiver:
        messages = [await one(receiver), await one(receiver)]
        assert [body(message) for message in messages] == [b"property", b"operation"]
        assert first < min(message.sequence_number for message in messages)
        for message in messages:
            await receiver.complete_message(message)


async def test_a_client_comes_back_after_a_dropped_connection(
    client: ServiceBusClient, emulator: Emulator
) -> None:
    async with (
        client.get_queue_receiver("orders") as receiver,
        client.get_queue_sender("orders") as sender,
    ):
        await sender.send_messages(ServiceBusMessage(b"1"))
        await receiver.complete_message(await one(receiver))
        emulator.drop_connections()
        await asyncio.sleep(0)
        await sender.send_messages(ServiceBusMessage(b"2"))
        message = await one(receiver)
        assert body(message) == b"2"
        await receiver.complete_message(message)
