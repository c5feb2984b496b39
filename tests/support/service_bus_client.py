"""What tests do with the real Service Bus client again and again."""

from azure.servicebus import ServiceBusMessage, ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver


def body(message: ServiceBusReceivedMessage) -> bytes:
    return b"".join(message.body)


async def send(client: ServiceBusClient, queue: str, *messages: ServiceBusMessage) -> None:
    async with client.get_queue_sender(queue) as sender:
        await sender.send_messages(messages[0] if len(messages) == 1 else list(messages))


async def one(receiver: ServiceBusReceiver) -> ServiceBusReceivedMessage:
    """Return the next message, which must come soon."""
    (message,) = await receiver.receive_messages(1, max_wait_time=10)
    return message
