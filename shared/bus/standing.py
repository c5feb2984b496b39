"""How one process stands on the bus: what is wrong now, in sentences, and whether it must end."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable

from shared.errors import TransientError


class ConsumersLostError(TransientError):
    """The broker answers and our consumers stay away: only a new process has been seen to help."""


class Standing:
    """Troubles by what they are about; health shows each until it is cleared or too old.

    `now` returns seconds of a clock that never goes back.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._troubles: dict[str, tuple[str, float]] = {}
        self._error: ConsumersLostError | None = None
        self._lost = asyncio.Event()

    def tell(self, about: str, sentence: str, *, seconds: float = math.inf) -> None:
        """Say what is wrong and what to do; it counts for `seconds` unless it is said again.

        What other processes may mend unseen should be given an end.
        """
        self._troubles[about] = sentence, self._now() + seconds

    def clear(self, about: str) -> None:
        """Say that it is well again."""
        self._troubles.pop(about, None)

    def troubles(self) -> list[str]:
        """Return the sentences that count, the oldest trouble first."""
        now = self._now()
        self._troubles = {name: told for name, told in self._troubles.items() if told[1] > now}
        return [sentence for sentence, _ in self._troubles.values()]

    def give_up(self, sentence: str) -> None:
        """Say that this process cannot go on; `lost` then raises."""
        self._error = ConsumersLostError(sentence)
        self._lost.set()

    async def lost(self) -> None:
        """Wait until somebody gives up. Raises `ConsumersLostError` then."""
        await self._lost.wait()
        if self._error:
            raise self._error
