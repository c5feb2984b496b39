"""What happens without a message: policies, rotations that are due, and the janitor's rounds."""

import asyncio
from dataclasses import dataclass, field
from typing import Final

from services.rotator.domain.rotation import Rotation
from services.rotator.steps import saga
from services.rotator.steps.scheduler import Scheduler
from services.rotator.steps.turn import Parts
from shared.service.periodic import woken_or_after
from shared.telemetry import get_logger

logger = get_logger(__name__)

AT_ONCE: Final = 5
"""Effects under way in this process; a rotation that waits takes none of these places."""

IDLE_SECONDS: Final = 2.0
JANITOR_SECONDS: Final = 600.0
POLICIES_SECONDS: Final = 60.0
"""Shorter than the shortest window, so that none opens and closes unseen."""
SUGGESTIONS_SECONDS: Final = 3_600.0


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
                await woken_or_after(self._woken, IDLE_SECONDS)
            else:
                _tell(rotation)


async def begin_and_wake(scheduler: Scheduler, workers: Workers) -> None:
    """Begin what policies let begin now, and work on it at once."""
    if await scheduler.turn():
        workers.wake()


def _tell(rotation: Rotation) -> None:
    logger.info(
        "rotation.step",
        rotation_id=str(rotation.id),
        state=rotation.state,
        attempt=rotation.attempt,
        reason=rotation.reason,
    )
