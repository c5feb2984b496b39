"""What happens without a message: rotations that are due, and the janitor's rounds."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from services.rotator.domain.rotation import Rotation
from services.rotator.steps import saga
from services.rotator.steps.turn import Parts
from shared.telemetry import get_logger

logger = get_logger(__name__)

AT_ONCE: Final = 5
"""Effects under way in this process; a rotation that waits takes none of these places."""

IDLE_SECONDS: Final = 2.0


JANITOR_SECONDS: Final = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Periodic:
    """Calls `turn` at once, then every `seconds`."""

    turn: Callable[[], Awaitable[object]]
    seconds: float

    async def run(self) -> None:
        """Take turns until cancelled; an error ends it, and the service begins it again."""
        while True:
            await self.turn()
            await asyncio.sleep(self.seconds)


@dataclass(slots=True, kw_only=True)
class Workers:
    """Takes the steps of rotations that are due, some at a time."""

    parts: Parts
    _woken: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        """Look for work now."""
        self._woken.set()

    async def run(self) -> None:
        """Work until cancelled; an error ends it, and the service begins it again."""
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            self._woken.clear()
            rotation = await saga.turn(self.parts)
            if rotation is None:
                await self._rest()
            else:
                _tell(rotation)

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                await self._woken.wait()
        except TimeoutError:
            return


def _tell(rotation: Rotation) -> None:
    logger.info(
        "rotation.step",
        rotation_id=str(rotation.id),
        state=rotation.state,
        attempt=rotation.attempt,
        reason=rotation.reason,
    )
