"""Workers end without losing what they have in hand."""

import asyncio

from shared.bus.broker.workers import Workers


class Case:
    """One worker that waits, one that comes to its end by itself, one that handles."""

    def __init__(self) -> None:
        self.workers = Workers()
        self.ended: list[str] = []
        self.stopping = asyncio.Event()
        self.busy = asyncio.Event()
        self.workers.start("case", 3, self._work)

    async def _work(self, number: int) -> None:
        name = ("waits", "ends", "handles")[number]
        try:
            await (self._wait, self._end, self._handle)[number]()
            self.ended.append(f"{name} to its end")
        except asyncio.CancelledError:
            self.ended.append(f"{name} until cancelled")
            raise

    async def _wait(self) -> None:
        with self.workers.waiting():
            await asyncio.Event().wait()

    async def _end(self) -> None:
        with self.workers.ending():
            await self.stopping.wait()

    async def _handle(self) -> None:
        self.busy.set()
        await asyncio.Event().wait()


async def test_only_what_waits_is_cancelled_at_once() -> None:
    case = Case()
    await case.busy.wait()
    assert case.workers.alive
    waiting = case.workers.tasks[0]
    case.workers.interrupt()
    await asyncio.wait([waiting])
    assert case.ended == ["waits until cancelled"]
    assert not case.workers.alive
    case.stopping.set()
    await case.workers.end()
    assert sorted(case.ended) == [
        "ends to its end",
        "handles until cancelled",
        "waits until cancelled",
    ]


async def test_what_should_end_by_itself_is_cancelled_when_patience_is_over() -> None:
    case = Case()
    await case.busy.wait()
    await case.workers.end(0.01)
    assert sorted(case.ended) == [
        "ends until cancelled",
        "handles until cancelled",
        "waits until cancelled",
    ]
    assert not case.workers.alive


async def test_a_worker_that_is_cancelled_may_still_await_what_it_has_to() -> None:
    workers, begun, given_back = Workers(), asyncio.Event(), []

    async def work(_: int) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            for _ in range(5):
                await asyncio.sleep(0)
            given_back.append(True)

    workers.start("case", 1, work)
    await begun.wait()
    await workers.end()
    assert given_back == [True]


async def test_a_worker_may_end_the_others_and_live_on() -> None:
    workers, ended = Workers(), []

    async def work(number: int) -> None:
        if number == 0:
            await workers.end()
            ended.append("the first, by itself")
        else:
            await asyncio.Event().wait()

    workers.start("case", 2, work)
    tasks = list(workers.tasks)
    await asyncio.wait(tasks)
    assert ended == ["the first, by itself"]
    assert tasks[1].cancelled()
