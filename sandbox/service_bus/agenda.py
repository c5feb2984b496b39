"""What is due later: locks that expire, messages that are scheduled or that die."""

import heapq
from collections.abc import Callable
from itertools import count

from sandbox.clock import Clock

Action = Callable[[], object]


class Agenda:
    """Actions by the time at which they are due, in seconds since 1970 on the bus's own clock.

    `on_sooner` is told when something became due earlier than all before.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.on_sooner: Action = _nothing
        self._due: list[tuple[float, int, Action]] = []
        self._numbers = count()

    @property
    def next_due(self) -> float | None:
        return self._due[0][0] if self._due else None

    def at(self, when: float, action: Action) -> None:
        sooner = not self._due or when < self._due[0][0]
        heapq.heappush(self._due, (when, next(self._numbers), action))
        if sooner:
            self.on_sooner()

    def run(self) -> None:
        """Do everything that is due now, in the order in which it became due."""
        while self._due and self._due[0][0] <= self.clock.time():
            heapq.heappop(self._due)[2]()


def _nothing() -> None:
    pass
