"""Background tasks end when they are told, even one that missed it the first time."""

import asyncio

import pytest

from shared.bus import tasks
from shared.bus.tasks import every, stop_tasks


async def test_a_task_that_missed_its_cancellation_is_told_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tasks, "AGAIN_SECONDS", 0.01)
    missed: list[bool] = []

    async def deaf_once() -> None:
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                if missed:
                    raise
                missed.append(True)

    task = asyncio.create_task(deaf_once())
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await stop_tasks([task])

    assert missed
    assert task.cancelled()


async def test_a_round_that_fails_on_its_way_out_is_the_last_one() -> None:
    begun = asyncio.Event()

    async def run() -> None:
        begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            raise OSError("the last word cannot be said")

    task = every(60, run, "last words")
    await begun.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(5):
            await task
