"""Draining, losing the connection, and coming back."""

import asyncio
from dataclasses import replace

import pytest
from faststream.exceptions import StopConsume
from faststream.middlewares import AckPolicy

from sandbox.service_bus import Fault
from shared.bus.broker.servicebus import ServiceBusMessage
from shared.bus.broker.servicebus.client import Connection
from shared.errors import TransientError
from tests.support.service_bus import QUICK, OnTheEmulator, Told, until


async def test_a_stop_lets_handlers_finish_and_leaves_nothing_locked(
    on_the_emulator: OnTheEmulator,
) -> None:
    rig, done = on_the_emulator, []
    rig.queue("orders")
    broker = rig.make()
    begun, go_on = asyncio.Event(), asyncio.Event()

    @broker.subscriber("orders", prefetch=5)
    async def handle(body: int) -> None:
        begun.set()
        await go_on.wait()
        done.append(body)

    await broker.start()
    for n in range(8):
        await broker.publish(n, "orders")
    await begun.wait()
    stopping = asyncio.create_task(broker.stop())
    await until(lambda: not next(iter(broker.subscribers)).running)
    go_on.set()
    await stopping
    queue = rig.namespace.queue("orders")
    assert done == [0]
    assert len(queue.locks) == 0
    assert queue.count == 7
    assert [stored.delivery_count for stored in queue.peek(0, 8)] == [0] * 7


async def test_a_handler_that_outlasts_the_stop_gives_its_message_back(
    on_the_emulator: OnTheEmulator,
) -> None:
    rig, ended = on_the_emulator, []
    rig.queue("orders")
    broker = rig.make(graceful_timeout=0.05)
    begun = asyncio.Event()

    @broker.subscriber("orders")
    async def handle(_: str) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    await broker.start()
    await broker.publish("x", "orders")
    await begun.wait()
    await broker.stop()
    queue = rig.namespace.queue("orders")
    assert ended == [True]
    assert (queue.count, len(queue.locks)) == (1, 0)


async def test_what_a_handler_never_settled_is_given_back_at_the_end(
    on_the_emulator: OnTheEmulator,
) -> None:
    rig, seen = on_the_emulator, []
    rig.queue("orders")
    broker = rig.make(ack_policy=AckPolicy.MANUAL)

    @broker.subscriber("orders")
    async def handle(message: ServiceBusMessage) -> None:
        seen.append(message)

    await broker.start()
    await broker.publish("x", "orders")
    await until(lambda: seen)
    assert await _locked(rig) == 1
    await broker.stop()
    assert await _locked(rig) == 0
    assert rig.namespace.queue("orders").count == 1


async def _locked(rig: OnTheEmulator) -> int:
    return len(rig.namespace.queue("orders").locks)


async def test_a_subscriber_comes_back_after_its_connections_were_torn_down(
    on_the_emulator: OnTheEmulator,
) -> None:
    rig, seen = on_the_emulator, []
    rig.queue("orders")
    broker = rig.make()

    @broker.subscriber("orders", max_workers=2)
    async def handle(body: int) -> None:
        seen.append(body)

    async with rig.running(broker):
        assert broker.consuming
        for n in range(3):
            await broker.publish(n, "orders")
            await until(lambda n=n: n in seen)
            rig.emulator.drop_connections()
        await broker.publish(99, "orders")
        await until(lambda: 99 in seen)
        await until(lambda: broker.consuming)
        assert await broker.ping(10)


async def test_a_settlement_whose_answer_is_lost_with_the_connection_breaks_nothing(
    on_the_emulator: OnTheEmulator,
) -> None:
    rig, seen = on_the_emulator, []
    rig.queue("orders")
    broker = rig.make()

    @broker.subscriber("orders")
    async def handle(body: int) -> None:
        seen.append(body)

    async with rig.running(broker):
        rig.namespace.faults.add(Fault(on="settle", how="drop"))
        await broker.publish(1, "orders")
        await broker.publish(2, "orders")
        await until(lambda: 2 in seen)
        assert await rig.ended("orders") == "complete"
    assert seen == [1, 2]


async def test_a_worker_does_not_wait_long_for_an_answer_that_was_lost(
    on_the_emulator: OnTheEmulator, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig, seen, made, make = on_the_emulator, [], [], Connection.receiver
    monkeypatch.setattr(
        Connection, "receiver", lambda *a, **k: made.append(make(*a, **k)) or made[-1]
    )
    rig.queue("orders")
    broker = rig.make(timing=replace(QUICK, settle=0.5), logger=told)

    @broker.subscriber("orders")
    async def handle(body: int) -> None:
        seen.append(body)

    async with rig.running(broker):
        rig.namespace.faults.add(Fault(on="settle", how="lose"))
        await broker.publish(1, "orders")
        await broker.publish(2, "orders")
        await until(lambda: 2 in seen)
        assert await rig.ended("orders") == "complete"
    assert seen == [1, 2]
    assert told.has("TimeoutError")()
    assert len(made) == 2, "a call that was cut off may have spoiled the first receiver"


async def test_a_publisher_does_not_wait_longer_than_asked_and_goes_on_afterwards(
    on_the_emulator: OnTheEmulator,
) -> None:
    rig = on_the_emulator
    rig.queue("orders")
    broker = rig.make()
    async with broker:
        await broker.publish("a", "orders")
        rig.namespace.faults.add(Fault(on="send", how="lose", count=None))
        with pytest.raises(TransientError):
            await broker.publish("b", "orders", timeout=0.5)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await broker.publish("c", "orders")
        rig.namespace.faults.clear()
        await broker.publish("d", "orders")
    last = rig.namespace.queue("orders").peek(0, 10)[-1]
    assert last.message.encode(0, {}).endswith(b"d")


async def test_a_queue_that_is_made_later_is_consumed_from_then_on(
    on_the_emulator: OnTheEmulator, told: Told
) -> None:
    rig, seen = on_the_emulator, []
    rig.queue("orders")
    broker = rig.make(logger=told)

    @broker.subscriber("orders")
    async def handle(body: str) -> None:
        seen.append(body)

    async with rig.running(broker):
        rig.namespace.delete("orders")
        await until(told.has("has no orders. Create the queue"))
        rig.queue("orders")
        await until(lambda: broker.consuming)
        await broker.publish("x", "orders")
        await until(lambda: seen)


async def test_a_handler_may_stop_its_own_subscriber(on_the_emulator: OnTheEmulator) -> None:
    rig, seen = on_the_emulator, []
    rig.queue("orders")
    broker = rig.make(ack_policy=AckPolicy.ACK)

    @broker.subscriber("orders", max_workers=2)
    async def handle(body: int) -> None:
        seen.append(body)
        raise StopConsume

    async with rig.running(broker):
        await broker.publish(1, "orders")
        await until(lambda: not broker.consuming)
        await broker.publish(2, "orders")
    assert seen == [1]
    assert len(rig.namespace.queue("orders").locks) == 0
