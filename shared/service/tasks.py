"""Tasks that run beside the handlers from start to stop."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from shared.bus.tasks import ends
from shared.telemetry import get_logger

logger = get_logger(__name__)

FIRST_PAUSE_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 60.0


@dataclass(slots=True, kw_only=True)
class Task:
    """A coroutine function that should always run; `failure` is its last error's sentence."""

    name: str
    run: Callable[[], Awaitable[object]]
    failure: str = ""


async def run_task(task: Task) -> None:
    """Run the task until it is cancelled; after a failure begin it again, later each time."""
    pause = FIRST_PAUSE_SECONDS
    while True:
        started = asyncio.get_running_loop().time()
        try:
            await task.run()
        except Exception as error:
            if ends():
                raise asyncio.CancelledError from error
            if asyncio.get_running_loop().time() - started > LONGEST_PAUSE_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            task.failure = f"{type(error).__name__}: begun again in {pause:.0f} s"
            logger.exception("a task failed", task=task.name, again_in_seconds=pause)
        else:
            return
        await asyncio.sleep(pause)
        task.failure = ""
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
