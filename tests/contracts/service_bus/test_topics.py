"""Topics, subscriptions, filters and forwarding."""

from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient

from sandbox.service_bus import Namespace


async def publish(client: ServiceBusClient, *messages: ServiceBusMessage) -> None:
    async with client.get_topic_sender("events") as sender:
        for message in messages:
            await sender.send_messages(message)


async def test_a_subscription_gets_what_its_filter_wants(
    client: ServiceBusClient, namespace: Namespace
) -> None:
    await publish(
        client,
        ServiceBusMessage(b"1", subject="scan-requested.v1"),
        ServiceBusMessage(b"2", subject="scan-completed.v1"),
    )
    async with client.get_subscription_receiver("events", "all") as receiver:
        messages = await receiver.receive_messages(2, max_wait_time=5)
        assert [b"".join(message.body) for message in messages] == [b"1", b"2"]
        for message in messages:
            await receiver.complete_message(message)
    assert namespace.queue("scanner.scan").count == 1
    assert namespace.queue("events/subscriptions/scanner.scan").count == 0


async def test_a_forwarded_message_is_the_queues(client: ServiceBusClient) -> None:
    await publish(client, ServiceBusMessage(b"1", subject="scan-requested.v1"))
    async with client.get_queue_receiver("scanner.scan") as receiver:
        (message,) = await receiver.receive_messages(1, max_wait_time=5)
        assert (b"".join(message.body), message.subject) == (b"1", "scan-requested.v1")
        await receiver.complete_message(message)
