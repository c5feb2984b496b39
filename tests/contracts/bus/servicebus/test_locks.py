"""A lock is kept under a long handler, and one that is lost is told and breaks nothing."""

import asyncio

import pytest
from faststream.middlewares import AckPolicy

from sandbox.service_bus import Fault
from sandbox.service_bus.errors import SERVER_BUSY
from shared.bus.broker.servicebus import ServiceBusMessage
from tests.support.service_bus import OnTheEmulator, Told, until


async def test_a_lock_is_renewed_under_a_handler_that_takes_longer(
    on_the_emulator: OnTheEmulator,
) -> None:
    rig, seen = on_the_emulator, []
    rig.queue("orders", lock_seconds=2)
    broker = rig.make()

    @broker.subscriber("orders")
    async def handle(message: ServiceBusMessage) -> None:
        seen.append(message)
        first = message.delivery.locked_until
        # Renewed past the end of the first lock, twice over.
        for _ in range(2):
            await until(lambda first=first: message.delivery.locked_until != first)
            first = message.delivery.locked_until
        rig.namespace.queue("orders")

    async with rig.running(broker):
        await broker.publish("x", "orders")
        assert await rig.ended("orders") == "complete"
    assert len(seen) == 1
    assert not seen[0].lock_lost


async def test_a_renewal_that_fails_once_is_tried_again_while_the_lock_lasts(
    on_the_emulator: OnTheEmulator, told: Told
) -> None:
    rig = on_the_emulator
    rig.queue("orders", lock_seconds=4)
    broker = rig.make(logger=told)

    @broker.subscriber("orders")
    async def handle(message: ServiceBusMessage) -> None:
        first = message.delivery.locked_until
        rig.namespace.faults.add(Fault(on="manage", condition=SERVER_BUSY, count=2))
        await until(told.has("could not be renewed yet"))
        await until(lambda: message.delivery.locked_until != first)

    async with rig.running(broker):
        await broker.publish("x", "orders")
        assert await rig.ended("orders") == "complete"
    assert not told.has("was lost")()


@pytest.mark.parametrize(
    "policy", [AckPolicy.ACK, AckPolicy.NACK_ON_ERROR, AckPolicy.REJECT_ON_ERROR]
)
async def test_a_lock_that_is_lost_under_a_handler_is_told_and_the_message_comes_again(
    on_the_emulator: OnTheEmulator, told: Told, policy: AckPolicy
) -> None:
    rig, counts = on_the_emulator, []
    rig.queue("orders", lock_seconds=60)
    broker = rig.make(logger=told, ack_policy=policy)

    @broker.subscriber("orders")
    async def handle(message: ServiceBusMessage) -> None:
        counts.append(message.delivery.particulars.delivery_count)
        if len(counts) == 1:
            rig.namespace.queue("orders").locks.lose()
            if policy is not AckPolicy.ACK:
                raise RuntimeError("a fault after the lock was lost")

    async with rig.running(broker):
        await broker.publish("x", "orders")
        await until(told.has("of orders was lost: it is delivered again"))
        await until(lambda: counts == [0, 1])
        assert await rig.ended("orders") == "complete"
        assert broker.consuming
    assert rig.namespace.queue("orders").dead_letters.count == 0


async def test_renewing_ends_when_the_lock_is_lost_and_the_handler_can_see_it(
    on_the_emulator: OnTheEmulator, told: Told
) -> None:
    rig, seen = on_the_emulator, []
    rig.queue("orders", lock_seconds=3)
    broker = rig.make(logger=told)

    @broker.subscriber("orders")
    async def handle(message: ServiceBusMessage) -> None:
        seen.append(message)
        if len(seen) == 1:
            rig.namespace.queue("orders").locks.lose()
            await message.delivery.lock_lost.wait()
            # A lost message is not retried either: the copy would be a second one.
            await message.nack(delay=3600)

    async with rig.running(broker):
        await broker.publish("x", "orders")
        await until(lambda: len(seen) == 2)
        assert await rig.ended("orders") == "complete"
    assert seen[0].lock_lost
    assert len(rig.namespace.queue("orders").schedule) == 0
    assert told.has("is not settled, its lock was lost")()


async def test_a_lock_is_not_renewed_longer_than_was_asked_for(
    on_the_emulator: OnTheEmulator,
) -> None:
    rig, seen = on_the_emulator, []
    rig.queue("orders", lock_seconds=1)
    broker = rig.make()
    again = asyncio.Event()

    @broker.subscriber("orders", max_workers=2, max_lock_renewal=0)
    async def handle(message: ServiceBusMessage) -> None:
        seen.append(message.delivery.particulars.delivery_count)
        if len(seen) == 1:
            await again.wait()
        again.set()

    async with rig.running(broker):
        await broker.publish("x", "orders")
        await until(lambda: seen == [0, 1])
