"""A worker whose client stops answering is noticed, told, and helped with a new receiver."""

import asyncio
from typing import Any, Self

import pytest
from azure.servicebus.exceptions import MessagingEntityNotFoundError

from shared.bus.broker.servicebus import ServiceBusBroker, Timing
from shared.bus.broker.servicebus.client import Connection
from tests.support.service_bus import NOWHERE, Told, until


class Native:
    """A receiver of the client, as far as a worker uses it."""

    def __init__(self, opens: asyncio.Event, *, silent: bool = False) -> None:
        self._opens = opens
        self._silent = silent
        self.closed = False

    async def __aenter__(self) -> Self:
        await self._opens.wait()
        return self

    async def receive_messages(self, *, max_message_count: int, max_wait_time: float) -> list[Any]:
        assert max_message_count == 1
        await asyncio.sleep(3600 if self._silent else max_wait_time)
        return []

    async def close(self) -> None:
        self.closed = True


class Sender:
    """Nothing is sent here."""


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Native]:
    """Receivers: the first falls silent, the second opens only when it is let."""
    natives: list[Native] = []

    def receiver(*_: object, **__: object) -> Native:
        opens = asyncio.Event()
        if not natives:
            opens.set()
        natives.append(Native(opens, silent=not natives))
        return natives[-1]

    monkeypatch.setattr(Connection, "receiver", receiver)
    monkeypatch.setattr(Connection, "sender", lambda *_: Sender())
    return natives


async def test_a_receiver_that_fell_silent_shows_and_is_replaced(made: list[Native]) -> None:
    told = Told()
    timing = Timing(poll=0.02, stall=0.1, open=30, first_pause=0.01, last_pause=0.01)
    broker = ServiceBusBroker(NOWHERE, timing=timing, logger=told)

    @broker.subscriber("orders")
    async def handle(_: str) -> None: ...

    await broker.start()
    assert broker.consuming
    await until(lambda: len(made) == 2)
    await until(lambda: not broker.consuming)
    assert made[0].closed
    assert told.has("does not answer")()
    made[1]._opens.set()
    await until(lambda: broker.consuming)
    await broker.stop()
    assert made[1].closed
    assert not broker.consuming


async def test_a_stop_does_not_wait_for_a_receiver_that_cannot_be_opened(
    made: list[Native],
) -> None:
    broker = ServiceBusBroker(NOWHERE, timing=Timing(poll=0.02, open=3600, stall=0.02))

    @broker.subscriber("orders")
    async def handle(_: str) -> None: ...

    await broker.start()
    await until(lambda: len(made) == 2)
    async with asyncio.timeout(5):
        await broker.stop()
    assert made[1].closed


async def test_a_start_that_is_cancelled_leaves_nothing_running(
    made: list[Native],
) -> None:
    made.append(Native(asyncio.Event()))
    broker = ServiceBusBroker(NOWHERE, timing=Timing(poll=0.02, open=3600, stall=0.02))

    @broker.subscriber("orders")
    async def handle(_: str) -> None: ...

    starting = asyncio.create_task(broker.start())
    await until(lambda: len(made) == 2)
    starting.cancel()
    await asyncio.wait([starting])
    assert made[1].closed
    assert not broker.running


async def test_a_fault_of_ours_is_told_with_its_traceback_and_tried_again(
    made: list[Native], monkeypatch: pytest.MonkeyPatch
) -> None:
    told, faults = Told(), [ZeroDivisionError("ours"), MessagingEntityNotFoundError()]

    async def fail(_: Native, **__: object) -> list[Any]:
        if faults:
            raise faults.pop(0)
        await asyncio.sleep(0.01)
        return []

    monkeypatch.setattr(Native, "receive_messages", fail)
    monkeypatch.setattr(Native, "__aenter__", lambda _: asyncio.sleep(0))
    broker = ServiceBusBroker(
        NOWHERE, timing=Timing(poll=0.02, first_pause=0.01, last_pause=0.01), logger=told
    )

    @broker.subscriber("orders")
    async def handle(_: str) -> None: ...

    await broker.start()
    await until(lambda: len(made) == 3)
    await until(lambda: broker.consuming)
    await broker.stop()
    assert told.has("orders in amqp://localhost failed with ZeroDivisionError")()
    assert told.has("amqp://localhost has no orders. Create the queue")()
