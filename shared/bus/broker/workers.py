"""A subscriber's workers: tasks that each receive, handle and settle one message at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager
from typing import Any, Final, cast

CANCEL_SECONDS: Final = 5.0


class Workers:
    """Starts tasks, and ends them without losing what they have in hand.

    A worker marks the places where it holds nothing (`waiting`) and those where it must come to the
    end by itself (`ending`); anywhere else it is handling a message.
    """

    def __init__(self) -> None:
        self.tasks: list[asyncio.Task[None]] = []
        self._waiting: set[asyncio.Task[Any]] = set()
        self._ending: set[asyncio.Task[Any]] = set()

    def start(
        self, name: str, count: int, work: Callable[[int], Coroutine[Any, Any, None]]
    ) -> None:
        self.tasks = [
            asyncio.create_task(work(number), name=f"{name} {number}") for number in range(count)
        ]

    @property
    def alive(self) -> bool:
        """Whether there are workers and none has ended."""
        return bool(self.tasks) and not any(task.done() for task in self.tasks)

    def waiting(self) -> AbstractContextManager[None]:
        """Mark the one place where `interrupt` may cancel the current worker.

        Like `ending`, what is returned may be entered again and again, by the same worker.
        """
        return _Marked(self._waiting)

    def ending(self) -> AbstractContextManager[None]:
        """Mark where the current worker notices by itself that it shall end, and soon."""
        return _Marked(self._ending)

    def interrupt(self) -> None:
        """Cancel the workers that wait."""
        for task in self._waiting:
            task.cancel()

    async def end(self, patience: float = CANCEL_SECONDS) -> None:
        """Cancel what still handles, and after `patience` seconds whatever has not ended."""
        others = [task for task in self.tasks if task is not asyncio.current_task()]
        for task in others:
            if task not in self._ending:
                task.cancel()
        self.tasks = []
        if others:
            _, late = await asyncio.wait(others, timeout=patience)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=CANCEL_SECONDS)


class _Marked:
    """Holds a task in a set; several times for each message, so without a generator."""

    __slots__ = ("_task", "_tasks")

    def __init__(self, tasks: set[asyncio.Task[Any]]) -> None:
        self._tasks = tasks
        self._task = cast("asyncio.Task[Any]", asyncio.current_task())

    def __enter__(self) -> None:
        self._tasks.add(self._task)

    def __exit__(self, *_: object) -> None:
        self._tasks.discard(self._task)
