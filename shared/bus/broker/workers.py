"""A subscriber's workers: tasks that each receive, handle and settle one message at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
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

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Mark the one place where `interrupt` may cancel the current worker."""
        with _marked(self._waiting):
            yield

    @contextmanager
    def ending(self) -> Iterator[None]:
        """Mark where the current worker notices by itself that it shall end, and soon."""
        with _marked(self._ending):
            yield

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


@contextmanager
def _marked(tasks: set[asyncio.Task[Any]]) -> Iterator[None]:
    task = cast("asyncio.Task[Any]", asyncio.current_task())
    tasks.add(task)
    try:
        yield
    finally:
        tasks.discard(task)
