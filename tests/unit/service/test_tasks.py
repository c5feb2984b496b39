"""Tasks: what should always run is begun again when it fails, later each time, and says so."""

import asyncio

import pytest

from shared.service import tasks
from shared.service.tasks import Task, run_task


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were asked for; none of them takes time."""
    asked: list[float] = []
    sleep = asyncio.sleep

    async def instead(seconds: float) -> None:
        asked.append(seconds)
        await sleep(0)

    monkeypatch.setattr(tasks.asyncio, "sleep", instead)
    return asked


async def test_a_task_that_fails_is_begun_again_a_little_later_each_time(
    pauses: list[float],
) -> None:
    failures = iter([OSError("no route"), OSError("no route"), OSError("no route"), None])

    async def work() -> None:
        if error := next(failures):
            raise error

    await run_task(Task(name="sweep", run=work))

    assert pauses == [1.0, 2.0, 4.0]


async def test_the_pause_never_exceeds_a_minute(pauses: list[float]) -> None:
    left = iter(range(12))

    async def work() -> None:
        if next(left) < 10:
            raise OSError

    await run_task(Task(name="sweep", run=work))

    assert max(pauses) == tasks.LONGEST_PAUSE_SECONDS


async def test_while_it_waits_its_failure_can_be_read_and_afterwards_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[str] = []
    sleep = asyncio.sleep

    async def work() -> None:
        if not seen:
            raise OSError("no route")

    task = Task(name="sweep", run=work)

    async def instead(_: float) -> None:
        seen.append(task.failure)
        await sleep(0)

    monkeypatch.setattr(tasks.asyncio, "sleep", instead)
    await run_task(task)

    assert seen == ["OSError: begun again in 1 s"]
    assert task.failure == ""


async def test_a_task_is_cancelled_and_not_begun_again() -> None:
    begun = 0

    async def work() -> None:
        nonlocal begun
        begun += 1
        await asyncio.Event().wait()

    running = asyncio.create_task(run_task(Task(name="sweep", run=work)))
    await asyncio.sleep(0)
    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running
    assert begun == 1
