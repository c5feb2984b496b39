"""Deadlines that stand still while one waits for something that is not late."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import Final

_running: Final[ContextVar[tuple[asyncio.Timeout, ...]]] = ContextVar("deadlines", default=())


@asynccontextmanager
async def deadline(seconds: float) -> AsyncIterator[None]:
    """Raise `TimeoutError` when the block takes longer; `standing_still` inside it is not counted.

    The block may not leave the task or yield out of a generator.
    """
    async with asyncio.timeout(seconds) as limit:
        token = _running.set((*_running.get(), limit))
        try:
            yield
        finally:
            _running.reset(token)


@contextmanager
def standing_still() -> Iterator[None]:
    """Let no deadline of this task run inside the block; a deadline that has passed stays so."""
    time = asyncio.get_running_loop().time
    stopped_at = time()
    ends = [(limit, end) for limit in _running.get() if (end := limit.when()) is not None]
    stopped = [(limit, end) for limit, end in ends if not limit.expired()]
    for limit, _ in stopped:
        limit.reschedule(None)
    try:
        yield
    finally:
        for limit, end in stopped:
            limit.reschedule(end + time() - stopped_at)
