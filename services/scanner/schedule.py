"""What happens without a message: sweeps, watchdog, doctor, scheduled scans, and tidying up."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from services.scanner.domain.status import Thresholds
from services.scanner.steps.rejudge import rejudge
from shared.database import Pool

SWEEP_SECONDS: Final = 60.0
WATCH_SECONDS: Final = 60.0
DOCTOR_SECONDS: Final = 15.0
SCHEDULE_SECONDS: Final = 20.0
RETENTION_SECONDS: Final = 3600.0
REJUDGE_SECONDS: Final = 60.0


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
            try:
                async with asyncio.timeout(self.seconds):
                    await self._woken.wait()
            except TimeoutError:
                continue


async def rejudge_and_wake(pool: Pool, base: Thresholds, expiry: Periodic) -> None:
    """Judge anew what changed rules concern, and let the sweep look at it at once."""
    if await rejudge(pool, base=base):
        expiry.wake()
