"""What the bus refuses, and what goes wrong when a test asks for it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest
from azure.core.credentials import AzureSasCredential
from azure.servicebus import ServiceBusMessage, ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.exceptions import (
    MessageSizeExceededError,
    MessagingEntityDisabledError,
    MessagingEntityNotFoundError,
    ServiceBusAuthenticationError,
    ServiceBusError,
    ServiceBusQuotaExceededError,
    ServiceBusServerBusyError,
)

from sandbox.service_bus import Emulator, Fault, Namespace
from sandbox.service_bus.server import KEY
from sandbox.throttle import Window
from tests.support.service_bus_client import body, one, send
from tests.support.waiting import eventually


@pytest.fixture
async def impatient(emulator: Emulator) -> AsyncIterator[ServiceBusClient]:
    """A client that tries once: what is refused is raised."""
    async with ServiceBusClient.from_connection_string(
        emulator.connection_string, retry_total=0
    ) as opened:
        yield opened


@contextmanager
def not_let_in(why: str) -> Iterator[None]:
    """Expect a refused token; the client keeps the reason in the error that it wraps."""
    with pytest.raises(ServiceBusAuthenticationError) as refused:
        yield
    assert why in str(refused.value.inner_exception)


async def test_what_does_not_exist_is_not_found(impatient: ServiceBusClient) -> None:
    with pytest.raises(MessagingEntityNotFoundError, match="'nowhere' could not be found"):
        await send(impatient, "nowhere", ServiceBusMessage(b"x"))
    with pytest.raises(MessagingEntityNotFoundError, match="'events/Subscriptions/nobody'"):
        async with impatient.get_subscription_receiver("events", "nobody"):
            pass


@pytest.mark.parametrize("part", [KEY, "RootManageSharedAccessKey"])
async def test_a_wrong_key_or_name_is_not_let_in(emulator: Emulator, part: str) -> None:
    wrong = emulator.connection_string.replace(part, "d3Jvbmc=")
    async with ServiceBusClient.from_connection_string(wrong, retry_total=0) as client:
        with not_let_in("InvalidSignature"):
            await send(client, "orders", ServiceBusMessage(b"x"))


async def test_an_expired_signature_is_not_let_in(emulator: Emulator) -> None:
    token = emulator.authority.sign(f"sb://localhost:{emulator.port}", expires=1)
    client = ServiceBusClient(
        f"localhost:{emulator.port}", AzureSasCredential(token), retry_total=0, use_tls=False
    )
    async with client:
        with not_let_in("ExpiredToken"):
            await send(client, "orders", ServiceBusMessage(b"x"))


async def test_a_signature_for_one_entity_opens_no_other(emulator: Emulator) -> None:
    token = emulator.authority.sign(f"sb://localhost:{emulator.port}/orders", expires=2**33)
    client = ServiceBusClient(
        f"localhost:{emulator.port}", AzureSasCredential(token), retry_total=0, use_tls=False
    )
    async with client:
        await send(client, "orders", ServiceBusMessage(b"x"))
        with not_let_in("InvalidAudience"):
            await send(client, "scanner.scan", ServiceBusMessage(b"x"))


async def test_a_full_queue_takes_nothing_until_there_is_room(
    impatient: ServiceBusClient, namespace: Namespace
) -> None:
    queue = namespace.create_queue("small", max_bytes=1_000)
    await send(impatient, "small", ServiceBusMessage(b"x" * 600))
    with pytest.raises(ServiceBusQuotaExceededError, match="maximum entity size"):
        await send(impatient, "small", ServiceBusMessage(b"x" * 600))
    async with impatient.get_queue_receiver("small") as receiver:
        await receiver.complete_message(await one(receiver))
    await send(impatient, "small", ServiceBusMessage(b"x" * 600))
    assert queue.count == 1


async def test_a_batch_that_does_not_fit_leaves_nothing(
    impatient: ServiceBusClient, namespace: Namespace
) -> None:
    queue = namespace.create_queue("small", max_bytes=1_000)
    with pytest.raises(ServiceBusQuotaExceededError):
        await send(impatient, "small", *[ServiceBusMessage(b"x" * 300) for _ in range(4)])
    assert (queue.count, queue.size) == (0, 0)


async def test_a_namespace_over_its_throughput_says_that_it_is_busy(
    impatient: ServiceBusClient, namespace: Namespace
) -> None:
    namespace.operations = Window(2, 3_600)
    async with impatient.get_queue_sender("orders") as sender:
        await sender.send_messages(ServiceBusMessage(b"x"))
        await sender.send_messages(ServiceBusMessage(b"x"))
        with pytest.raises(ServiceBusServerBusyError, match="50009"):
            await sender.send_messages(ServiceBusMessage(b"x"))
    assert namespace.queue("orders").count == 2


async def test_a_message_that_is_too_large_is_refused(
    impatient: ServiceBusClient, namespace: Namespace
) -> None:
    with pytest.raises(MessageSizeExceededError):
        await send(impatient, "orders", ServiceBusMessage(b"x" * 300_000))
    await send(impatient, "orders", ServiceBusMessage(b"x" * 200_000))
    async with impatient.get_queue_receiver("orders") as receiver:
        assert len(body(await one(receiver))) == 200_000
    assert namespace.queue("orders").count == 1


async def test_a_queue_deleted_in_use_is_gone_for_everybody(
    client: ServiceBusClient, namespace: Namespace
) -> None:
    async with (
        client.get_queue_sender("orders") as sender,
        client.get_queue_receiver("orders") as receiver,
    ):
        await sender.send_messages(ServiceBusMessage(b"x"))
        await receiver.complete_message(await one(receiver))
        namespace.delete("orders")
        with pytest.raises(MessagingEntityNotFoundError):
            await receiver.receive_messages(1, max_wait_time=5)
        with pytest.raises(MessagingEntityNotFoundError):
            await sender.send_messages(ServiceBusMessage(b"x"))


async def test_a_queue_disabled_in_use_says_so_and_works_again_when_enabled(
    impatient: ServiceBusClient, namespace: Namespace
) -> None:
    queue = namespace.queue("orders")
    async with impatient.get_queue_receiver("orders") as receiver:
        await send(impatient, "orders", ServiceBusMessage(b"1"))
        await receiver.complete_message(await one(receiver))
        queue.options.status = "ReceiveDisabled"
        queue.refresh()
        with pytest.raises(MessagingEntityDisabledError):
            await receiver.receive_messages(1, max_wait_time=5)
        await send(impatient, "orders", ServiceBusMessage(b"2"))
        queue.options.status = "SendDisabled"
        with pytest.raises(MessagingEntityDisabledError):
            await send(impatient, "orders", ServiceBusMessage(b"3"))
        assert body(await one(receiver)) == b"2"


async def test_a_session_receiver_hears_that_there_are_none(impatient: ServiceBusClient) -> None:
    async with impatient:
        receiver = impatient.get_queue_receiver("orders", session_id="s")
        with pytest.raises(ServiceBusError, match=r"Sessions are not implemented.*not-implemented"):
            await receiver.receive_messages(1, max_wait_time=5)
        await receiver.close()


async def test_a_forwarding_queue_cannot_be_received_from(
    impatient: ServiceBusClient, namespace: Namespace
) -> None:
    namespace.create_queue("passing", forward_to="orders")
    with pytest.raises(ServiceBusError, match="forwards to another"):
        async with impatient.get_queue_receiver("passing"):
            pass


async def test_a_fault_refuses_the_next_sends_and_no_more(
    impatient: ServiceBusClient, namespace: Namespace
) -> None:
    namespace.faults.add(Fault(on="send", entity="orders", count=2))
    async with impatient.get_queue_sender("orders") as sender:
        for _ in range(2):
            with pytest.raises(ServiceBusServerBusyError):
                await sender.send_messages(ServiceBusMessage(b"x"))
        await sender.send_messages(ServiceBusMessage(b"x"))
    assert (namespace.queue("orders").count, namespace.faults.rules()) == (1, [])


async def test_a_settlement_whose_answer_is_lost_with_the_connection_was_done(
    client: ServiceBusClient, namespace: Namespace
) -> None:
    namespace.faults.add(Fault(on="settle", how="drop"))
    await send(client, "orders", ServiceBusMessage(b"x"))
    async with client.get_queue_receiver("orders") as receiver:
        message = await one(receiver)
        with pytest.raises(ServiceBusError):
            await receiver.complete_message(message)
    assert namespace.queue("orders").count == 0


async def test_a_settlement_whose_connection_is_dropped_before_was_not_done(
    client: ServiceBusClient, namespace: Namespace
) -> None:
    namespace.faults.add(Fault(on="settle", how="drop-before"))
    await send(client, "orders", ServiceBusMessage(b"x"))
    async with client.get_queue_receiver("orders") as receiver:
        message = await one(receiver)
        await receiver.complete_message(message)  # by way of the management link
    assert namespace.queue("orders").count == 0


async def test_a_send_whose_answer_is_lost_is_sent_again_by_the_client(
    client: ServiceBusClient, namespace: Namespace
) -> None:
    namespace.faults.add(Fault(on="send", how="drop"))
    await send(client, "orders", ServiceBusMessage(b"x"))
    assert namespace.queue("orders").count == 2


async def test_an_answer_that_never_comes_is_waited_for(
    impatient: ServiceBusClient, namespace: Namespace
) -> None:
    namespace.faults.add(Fault(on="settle", how="lose"))
    await send(impatient, "orders", ServiceBusMessage(b"x"))
    async with impatient.get_queue_receiver("orders") as receiver:
        message = await one(receiver)
        settling = asyncio.create_task(receiver.complete_message(message))
        await eventually(lambda: not namespace.queue("orders").count, seconds=10)
        assert not settling.done()
        settling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await settling


async def test_a_dead_letter_can_be_forwarded_and_then_names_its_source(
    client: ServiceBusClient, namespace: Namespace
) -> None:
    namespace.create_queue("graveyard")
    namespace.create_queue("risky", forward_dead_letters_to="graveyard")
    await send(client, "risky", ServiceBusMessage(b"x"))
    async with client.get_queue_receiver("risky") as receiver:
        await receiver.dead_letter_message(await one(receiver), reason="Bad")
    async with client.get_queue_receiver("graveyard") as receiver:
        message = await one(receiver)
        assert (message.dead_letter_source, message.dead_letter_reason) == ("risky", "Bad")
        await receiver.complete_message(message)
    assert namespace.queue("risky").dead_letters.count == 0


@pytest.mark.parametrize("obstacle", ["missing", "disabled", "full", "circle"])
async def test_what_cannot_be_forwarded_is_a_dead_letter_of_the_transfer(
    client: ServiceBusClient, namespace: Namespace, obstacle: str
) -> None:
    match obstacle:
        case "disabled":
            namespace.create_queue("target", status="SendDisabled")
        case "full":
            namespace.create_queue("target", max_bytes=1)
        case "circle":
            namespace.create_queue("target", forward_to="passing")
        case _:
            pass
    namespace.create_queue("passing", forward_to="target")
    await send(client, "passing", ServiceBusMessage(b"x"))
    last = "passing"
    async with client.get_queue_receiver(
        last, sub_queue=ServiceBusSubQueue.TRANSFER_DEAD_LETTER
    ) as receiver:
        message = await one(receiver)
        assert body(message) == b"x"
        assert message.dead_letter_reason
        await receiver.complete_message(message)


async def test_a_scheduled_message_is_forwarded_at_its_time(
    client: ServiceBusClient, namespace: Namespace
) -> None:
    from datetime import timedelta

    at = namespace.agenda.clock.now() + timedelta(hours=1)
    async with client.get_topic_sender("events") as sender:
        await sender.schedule_messages(ServiceBusMessage(b"x", subject="scan-requested.v1"), at)
    assert namespace.queue("scanner.scan").count == 0
    namespace.advance(3_601)
    assert namespace.queue("scanner.scan").count == 1
