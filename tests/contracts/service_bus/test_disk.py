"""What a namespace keeps when its process is killed."""

import asyncio
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.servicebus import ServiceBusMessage, ServiceBusReceiveMode, ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.aio.management import ServiceBusAdministrationClient
from azure.servicebus.exceptions import ServiceBusError
from azure.servicebus.management import CorrelationRuleFilter

from shared.bus.servicebus import namespace as reached
from tests.support.namespace import Namespace
from tests.support.service_bus_client import body, one, send

NUMBER = 400


@pytest.fixture
def process() -> Iterator[Namespace]:
    """A namespace of this test's own, which it kills."""
    with tempfile.TemporaryDirectory(prefix="certifyclouds-servicebus-") as folder:
        namespace = Namespace(Path(folder))
        namespace.start()
        try:
            yield namespace
        finally:
            namespace.stop()


@pytest.fixture
async def administration(process: Namespace) -> AsyncIterator[ServiceBusAdministrationClient]:
    async with reached.Namespace.of(process.url).administered() as client:
        yield client


def client_of(process: Namespace) -> ServiceBusClient:
    return ServiceBusClient.from_connection_string(
        process.url.partition("CaFile=")[0], retry_total=0
    )


def kill(process: Namespace) -> None:
    process.stop(signal.SIGKILL)
    process.start()


async def all_of(client: ServiceBusClient, queue: str) -> list[str]:
    """Empty a queue and return what was in it."""
    found: list[str] = []
    async with client.get_queue_receiver(
        queue, receive_mode=ServiceBusReceiveMode.RECEIVE_AND_DELETE
    ) as receiver:
        while more := await receiver.receive_messages(500, max_wait_time=1):
            found += [body(message).decode() for message in more]
    return found


async def test_nothing_confirmed_is_lost_and_nothing_completed_returns_when_it_is_killed_at_work(
    process: Namespace, administration: ServiceBusAdministrationClient
) -> None:
    await administration.create_queue("in")
    sent: list[str] = []
    completed: list[str] = []
    reached_half = asyncio.Event()

    async def produce() -> None:
        async with client_of(process) as client, client.get_queue_sender("in") as sender:
            for number in range(NUMBER):
                await sender.send_messages(ServiceBusMessage(str(number)))
                sent.append(str(number))
                if number == NUMBER // 2:
                    reached_half.set()

    async def consume() -> None:
        async with client_of(process) as client, client.get_queue_receiver("in") as receiver:
            async for message in receiver:
                await receiver.complete_message(message)
                completed.append(body(message).decode())

    working = [asyncio.create_task(produce()), asyncio.create_task(consume())]
    await reached_half.wait()
    kill(process)
    ended = await asyncio.gather(*working, return_exceptions=True)
    async with client_of(process) as client:
        left = await all_of(client, "in")

    assert [type(each) for each in ended if not isinstance(each, ServiceBusError)] == []
    assert len(sent) > NUMBER // 2
    assert completed
    assert set(sent) <= {*completed, *left}
    assert not {*completed} & {*left}


async def test_every_state_of_a_message_and_every_entity_outlives_the_process(
    process: Namespace, administration: ServiceBusAdministrationClient
) -> None:
    await administration.create_queue("in", max_delivery_count=5, requires_duplicate_detection=True)
    await administration.create_topic("events")
    await administration.create_subscription("events", "some", forward_to="in")
    await administration.delete_rule("events", "some", "$Default")
    await administration.create_rule(
        "events", "some", "wanted", filter=CorrelationRuleFilter(label="wanted")
    )
    later = datetime.now(UTC) + timedelta(hours=1)
    async with client_of(process) as client:
        async with client.get_queue_sender("in") as sender:
            await sender.schedule_messages(ServiceBusMessage("later", message_id="1"), later)
        await send(client, "in", ServiceBusMessage("dead"), ServiceBusMessage("deferred"))
        await send(client, "in", ServiceBusMessage("twice", message_id="2"))
        async with client.get_queue_receiver("in") as receiver:
            dead, deferred, twice = [await one(receiver) for _ in range(3)]
            await receiver.dead_letter_message(dead, reason="Poison", error_description="Why.")
            await receiver.defer_message(deferred)
            await receiver.abandon_message(twice)
    kill(process)

    async with client_of(process) as client:
        async with client.get_topic_sender("events") as sender:
            await sender.send_messages(ServiceBusMessage("unwanted", subject="other"))
            await sender.send_messages(ServiceBusMessage("wanted", subject="wanted"))
        await send(client, "in", ServiceBusMessage("again", message_id="2"))
        async with client.get_queue_receiver(
            "in", sub_queue=ServiceBusSubQueue.DEAD_LETTER
        ) as receiver:
            letter = await one(receiver)
        async with client.get_queue_receiver("in") as receiver:
            (kept,) = await receiver.receive_deferred_messages([deferred.sequence_number or 0])
            again, wanted = await one(receiver), await one(receiver)
            for done in (again, wanted):
                await receiver.complete_message(done)
            process.advance(3700)
            scheduled = await one(receiver)

    assert (letter.dead_letter_reason, letter.dead_letter_error_description) == ("Poison", "Why.")
    assert [body(each) for each in (letter, kept, again, wanted, scheduled)] == [
        b"dead",
        b"deferred",
        b"twice",
        b"wanted",
        b"later",
    ]
    assert again.delivery_count == 1
    assert (await administration.get_queue("in")).max_delivery_count == 5


async def test_a_number_is_never_given_twice(
    process: Namespace, administration: ServiceBusAdministrationClient
) -> None:
    await administration.create_queue("in")
    numbers = []
    for _ in range(2):
        async with client_of(process) as client:
            await send(client, "in", ServiceBusMessage("x"))
            async with client.get_queue_receiver("in") as receiver:
                message = await one(receiver)
                numbers.append(message.sequence_number or 0)
                await receiver.complete_message(message)
        kill(process)

    assert numbers == sorted({*numbers})


async def test_what_was_deleted_stays_deleted(
    process: Namespace, administration: ServiceBusAdministrationClient
) -> None:
    await administration.create_queue("in")
    async with client_of(process) as client:
        await send(client, "in", ServiceBusMessage("x"))
    await administration.delete_queue("in")
    await administration.create_queue("in")
    kill(process)

    assert (await administration.get_queue_runtime_properties("in")).total_message_count == 0
