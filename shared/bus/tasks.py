"""Small background tasks of the bus: they never end by an error, and they end when told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from shared.bus.failures import tell
from shared.telemetry import get_logger

logger = get_logger(__name__)

AGAIN_SECONDS: Final = 8.0


def ends() -> bool:
    """Whether this task was told to end: an error on the way out must not hide that."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def every(seconds: float, run: Callable[[], Awaitable[object]], name: str) -> asyncio.Task[None]:
    """Run at once and then every `seconds`; a failure is logged and the next round comes."""

    async def rounds() -> None:
        while True:
            try:
                await run()
            except Exception as error:
                if ends():
                    raise asyncio.CancelledError from error
                tell(logger, "a round failed", error, task=name)
            await asyncio.sleep(seconds)

    return asyncio.create_task(rounds(), name=name)


async def stop_tasks(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel tasks and wait for their end; one that missed it is told again.

    A cancellation is lost where what is awaited ends in the same moment (`asyncio.wait_for` before
    Python 3.12), as it does when the database goes away together with us.
    """
    ending = set(tasks)
    while ending:
        for task in ending:
            task.cancel()
        _, ending = await asyncio.wait(ending, timeout=AGAIN_SECONDS)
