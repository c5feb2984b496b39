"""Waking up for work, and never taking more of it than there are idle workers."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from shared.bus.transports.queue import Queue, Wake
from tests.support.service_bus import until


class Held:
    def __init__(self, number: int) -> None:
        self.number = self.claimed = number
        self.released = False

    async def release(self) -> None:
        self.released = True


class Shelf:
    """A transport with `stock` messages; `meanwhile` happens during a turn."""

    def __init__(self, stock: int) -> None:
        self.stock = [Held(number) for number in range(stock)]
        self.meanwhile: Callable[[], object] = lambda: None
        self.broken = 0
        self.turns: list[tuple[list[int], int]] = []
        self.completed: list[int] = []

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


async def test_what_was_handled_is_settled_together_with_the_next_claim_for_its_worker() -> None:
    shelf = Shelf(4)
    queue = a_queue(shelf)
    first, second = await asyncio.gather(queue.next(), queue.next())
    await asyncio.gather(queue.complete(first), queue.complete(second))  # type: ignore[arg-type]
    got = [await queue.next(), await queue.next()]
    assert [held.number for held in got] == [2, 3]  # type: ignore[attr-defined]
    assert shelf.turns[-1] == ([0, 1], 2)
    await queue.close()


async def test_what_was_handled_is_settled_at_once_where_nothing_else_waits() -> None:
    shelf = Shelf(1)
    queue = a_queue(shelf)
    held = await queue.next()
    waiting = asyncio.create_task(queue.next())
    await until(lambda: not queue._wake.is_set)
    await queue.complete(held)
    assert shelf.turns[-1] == ([0], 0)
    waiting.cancel()
    await queue.close()


async def test_a_worker_hears_that_settling_failed_and_the_next_goes_well() -> None:
    shelf = Shelf(2)
    queue = a_queue(shelf)
    first = await queue.next()
    shelf.broken = 1
    with pytest.raises(ConnectionError, match="away"):
        await queue.complete(first)
    second = await asyncio.wait_for(queue.next(), 5)
    await asyncio.wait_for(queue.complete(second), 5)
    assert [1] in [done for done, _ in shelf.turns]
    await queue.close()


async def test_a_worker_that_is_cut_off_while_it_settles_holds_up_nobody() -> None:
    shelf = Shelf(2)
    queue = a_queue(shelf)
    first, second = await asyncio.gather(queue.next(), queue.next())
    cut_off = asyncio.create_task(queue.complete(first))
    shelf.meanwhile = cut_off.cancel
    await asyncio.wait_for(asyncio.gather(cut_off, return_exceptions=True), 5)
    shelf.meanwhile = lambda: None
    await asyncio.wait_for(queue.complete(second), 5)
    assert [done for done, _ in shelf.turns if done] == [[0], [1]]
    await queue.close()


async def test_what_is_being_settled_when_the_queue_closes_is_settled() -> None:
    shelf = Shelf(2)
    queue = a_queue(shelf)
    held = await queue.next()
    completing = asyncio.create_task(queue.complete(held))
    await asyncio.sleep(0)
    await queue.close()
    await asyncio.wait_for(completing, 5)
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
