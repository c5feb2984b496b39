"""What comes round by itself, and sooner when it is woken."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field


@dataclass(slots=True, kw_only=True)
class Periodic:
    """Calls `turn` at once, then every `seconds`, and sooner when it is woken."""

    turn: Callable[[], Awaitable[object]]
    seconds: float
    _woken: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        """Begin the next turn now."""
        self._woken.set()

    async def run(self) -> None:
        """Take turns until cancelled; an error ends it, and the service begins it again."""
        while True:
            self._woken.clear()
            await self.turn()
            await woken_or_after(self._woken, self.seconds)


async def woken_or_after(woken: asyncio.Event, seconds: float) -> None:
    """Wait until somebody wakes, `seconds` at most."""
    try:
        async with asyncio.timeout(seconds):
            await woken.wait()
    except TimeoutError:
        return
