"""Whether workers are at work: when each last looked for a message, and how its first try went."""

from __future__ import annotations

import asyncio
import random
from contextlib import AbstractContextManager
from typing import Final

JITTER: Final = 0.2


class Liveness:
    """What a subscriber's workers report."""

    def __init__(self, workers: int) -> None:
        self._polled: dict[int, float] = dict.fromkeys(range(workers), float("-inf"))
        self._handling: set[int] = set()
        self._untried = set(range(workers))
        self._error: Exception | None = None
        self._tried = asyncio.Event()

    def polled(self, number: int) -> None:
        """Note that a worker could look for a message just now, whether or not there was one."""
        self._polled[number] = asyncio.get_running_loop().time()
        if self._untried:
            self._try(number)

    def failed(self, number: int, error: Exception) -> None:
        """Note that a worker has no receiver for now."""
        if number in self._untried:
            self._error = self._error or error
        self._try(number)

    def handling(self, number: int) -> AbstractContextManager[None]:
        """Mark that a worker is busy and will not look for a while."""
        return _Busy(self, self._handling, number)

    def within(self, seconds: float) -> bool:
        """Say whether every worker is busy or has looked within the last `seconds`."""
        earliest = asyncio.get_running_loop().time() - seconds
        return all(
            number in self._handling or at >= earliest for number, at in self._polled.items()
        )

    async def tried(self) -> None:
        """Wait for every worker's first try. Raises the first error of them."""
        await self._tried.wait()
        if self._error:
            raise self._error

    def _try(self, number: int) -> None:
        self._untried.discard(number)
        if not self._untried:
            self._tried.set()


class _Busy:
    """Marks a worker; once for each message, so without a generator."""

    __slots__ = ("_busy", "_liveness", "_number")

    def __init__(self, liveness: Liveness, busy: set[int], number: int) -> None:
        self._liveness, self._busy, self._number = liveness, busy, number

    def __enter__(self) -> None:
        self._busy.add(self._number)

    def __exit__(self, *_: object) -> None:
        self._busy.discard(self._number)
        self._liveness.polled(self._number)


class Pauses:
    """Growing pauses between tries, in seconds, a little at random so that workers spread."""

    def __init__(self, first: float, last: float) -> None:
        self._first = first
        self._last = last
        self._next = first

    def reset(self) -> None:
        """Begin again with the shortest."""
        self._next = self._first

    def next(self) -> float:
        pause = self._next * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - not a secret
        self._next = min(self._next * 2, self._last)
        return pause
