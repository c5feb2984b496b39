"""Waiting for something to become so, with a limit and without fixed sleeps."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
LIMIT_SECONDS = 60.0


async def eventually(
    look: Callable[[], T | Awaitable[T]], *, seconds: float = LIMIT_SECONDS, pause: float = 0.05
) -> T:
    """Look again until the answer is truthy, and return it; fail when the time is over."""
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        found = look()
        answer = await found if inspect.isawaitable(found) else found
        if answer:
            return answer
        assert asyncio.get_running_loop().time() < deadline, f"not within {seconds:.0f} s"
        await asyncio.sleep(pause)
