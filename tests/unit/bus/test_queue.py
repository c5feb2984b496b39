"""Waking up for work, and never taking more of it than workers are about to begin."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from structlog.testing import capture_logs

from shared.bus.transports import queue as queues
from shared.bus.transports.queue import Queue, Wake
from tests.support.service_bus import until


class Held:
    def __init__(self, number: int) -> None:
        self.number = self.claimed = number
        self.released = False
        self.begun = 0.0

    async def release(self) -> None:
        self.released = True


class Shelf:
    """A transport with `stock` messages; `meanwhile` happens during a turn."""

    def __init__(self, stock: int) -> None:
        self.made = [Held(number) for number in range(stock)]
        self.stock = list(self.made)
        self.meanwhile: Callable[[], object] = lambda: None
        self.broken = 0
        self.turns: list[tuple[list[int], int]] = []
        self.completed: list[int] = []

    def given_back(self) -> list[Held]:
        return [held for held in self.made if held.released]

    async def complete(self, claimed: Sequence[int]) -> None:
        self.completed += claimed

    async def turn(self, _: str, done: Sequence[Held], limit: int) -> list[Held]:
        if self.broken:
            self.broken -= 1
            raise ConnectionError("the database is away")
        self.turns.append(([held.number for held in done], limit))
        self.meanwhile()
        await asyncio.sleep(0)
        taken, self.stock = self.stock[:limit], self.stock[limit:]
        return taken


def a_queue(shelf: Any) -> Queue:
    return Queue(shelf, "scanner.x", Wake())


async def test_only_as_many_are_taken_as_workers_are_idle() -> None:
    shelf = Shelf(10)
    queue = a_queue(shelf)
    got = await asyncio.gather(queue.next(), queue.next())
    await asyncio.sleep(0)
    assert len(got) == 2
    assert len(shelf.stock) == 8
    await queue.close()


async def test_what_was_handled_is_settled_together_with_the_next_claim() -> None:
    shelf = Shelf(4)
    queue = a_queue(shelf)
    first, second = await asyncio.gather(queue.next(), queue.next())
    await asyncio.gather(queue.complete(first), queue.complete(second))
    got = [await queue.next(), await queue.next()]
    assert [held.number for held in got] == [2, 3]  # type: ignore[attr-defined]
    assert [0, 1] in [done for done, _ in shelf.turns]
    await queue.close()


async def test_what_was_handled_is_settled_at_once_where_nothing_else_waits() -> None:
    shelf = Shelf(1)
    queue = a_queue(shelf)
    held = await queue.next()
    waiting = asyncio.create_task(queue.next())
    await until(lambda: not queue._wake.is_set)
    await queue.complete(held)
    await until(lambda: shelf.turns[-1] == ([0], 0))
    waiting.cancel()
    await queue.close()


async def test_quick_handlers_have_as_many_at_hand_as_they_handled_in_the_last_turn() -> None:
    shelf = Shelf(10)
    queue = a_queue(shelf)
    first, second = await asyncio.gather(queue.next(), queue.next())
    await queue.complete(first)
    await queue.complete(second)
    await queue.next()
    assert shelf.turns[-1] == ([0, 1], 3), "one for the worker that waits, and two"
    await queue.close()
    assert [held.number for held in shelf.given_back()] == [3, 4]


async def test_slow_handlers_have_nothing_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queues, "QUICK_SECONDS", 0.0)
    shelf = Shelf(10)
    queue = a_queue(shelf)
    await queue.complete(await queue.next())
    await queue.next()
    assert shelf.turns[-1] == ([0], 1)
    await queue.close()


async def test_what_lies_at_hand_behind_handlers_that_became_slow_is_given_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(queues, "SPARE_SECONDS", 0.01)
    shelf = Shelf(10)
    queue = a_queue(shelf)
    await queue.complete(await queue.next())
    begun = await queue.next()
    await until(lambda: [held.number for held in shelf.given_back()] == [2])  # type: ignore[attr-defined]
    assert not begun.released  # type: ignore[attr-defined]
    assert shelf.turns[-1] == ([0], 2), "and it is not taken again"
    await queue.close()


async def test_settling_that_failed_is_told_and_the_next_goes_well() -> None:
    shelf = Shelf(2)
    queue = a_queue(shelf)
    first = await queue.next()
    shelf.broken = 1
    with capture_logs() as said:
        await queue.complete(first)
        second = await asyncio.wait_for(queue.next(), 5)
    await queue.complete(second)
    await until(lambda: [1] in [done for done, _ in shelf.turns])
    assert [line["event"] for line in said] == ["cannot settle or take messages"]
    await queue.close()


async def test_what_is_to_be_settled_when_the_queue_closes_is_settled() -> None:
    shelf = Shelf(2)
    queue = a_queue(shelf)
    await queue.complete(await queue.next())
    await queue.close()
    assert [0] in [done for done, _ in shelf.turns]
    assert len(shelf.stock) == 1, "and nothing more is taken"


async def test_what_ends_after_the_queue_has_closed_is_settled_by_itself() -> None:
    shelf = Shelf(1)
    queue = a_queue(shelf)
    held = await queue.next()
    await queue.close()
    await asyncio.wait_for(queue.complete(held), 5)
    assert shelf.completed == [0]


async def test_an_idle_worker_may_be_cancelled_and_nothing_is_lost() -> None:
    shelf = Shelf(0)
    queue = a_queue(shelf)
    waiting = asyncio.create_task(queue.next())
    await asyncio.sleep(0.01)
    waiting.cancel()
    shelf.stock = [Held(1)]
    queue._wake.set()
    assert (await asyncio.wait_for(queue.next(), 5)).number == 1
    await queue.close()


async def test_what_was_taken_and_not_begun_is_given_back() -> None:
    shelf = Shelf(1)
    (held,) = shelf.stock
    queue = a_queue(shelf)
    waiting = asyncio.create_task(queue.next())
    shelf.meanwhile = waiting.cancel
    await asyncio.gather(waiting, return_exceptions=True)
    await queue.close()
    assert waiting.cancelled()
    assert held.released


async def test_a_failing_database_is_tried_again() -> None:
    shelf = Shelf(1)
    shelf.broken = 2
    queue = a_queue(shelf)
    assert (await asyncio.wait_for(queue.next(), 5)).number == 0
    await queue.close()


async def test_the_earliest_of_several_wake_ups_counts() -> None:
    wake = Wake()
    await wake.take()
    wake.within(30)
    wake.within(0.01)
    wake.within(20)
    await asyncio.wait_for(wake.take(), 5)
    wake.within(0)
    await asyncio.wait_for(wake.take(), 5)
