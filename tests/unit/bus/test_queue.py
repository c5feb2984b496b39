"""Waking up for work, and never taking more of it than there are idle workers."""

import asyncio
from collections.abc import Callable
from typing import Any

from shared.bus.transports.queue import Queue, Wake


class Held:
    def __init__(self, number: int) -> None:
        self.number = number
        self.released = False

    async def release(self) -> None:
        self.released = True


class Shelf:
    """A transport with `stock` messages; `meanwhile` happens during a claim."""

    def __init__(self, stock: int) -> None:
        self.stock = [Held(number) for number in range(stock)]
        self.meanwhile: Callable[[], object] = lambda: None
        self.broken = 0

    async def claim(self, _: str, limit: int) -> list[Held]:
        if self.broken:
            self.broken -= 1
            raise ConnectionError("the database is away")
        self.meanwhile()
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
