"""Looking at all sources of a shard, many at once, each on its own."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, TypeVar
from uuid import uuid4

import asyncpg

from services.scanner.domain.remedy import remedy
from services.scanner.steps.gather import Listing, gather
from services.scanner.steps.read import Readers, UnreadableError, read, unreadable
from services.scanner.steps.record import Recorder, UnsureError
from services.scanner.store import looks, staging
from services.scanner.store.looks import DatabaseClock, Pending
from shared.clouds.errors import CloudError
from shared.events.scanning import VaultOutcome
from shared.telemetry import get_logger

logger = get_logger(__name__)

T = TypeVar("T")

AT_ONCE: Final = 64
WRITERS: Final = 3
# Vaults that are begun together end together: reading would wait for writing, and writing for
# reading.
START_APART_SECONDS: Final = 0.004
# What cannot be written of one source's data, here or in the database; any other database error
# concerns all sources.
REFUSALS: Final = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
    ArithmeticError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Looks at sources: reading is done by many at once, writing by few, as the pool is small."""

    readers: Readers
    writers: asyncio.Semaphore
    at_once: int = AT_ONCE

    async def visit_all(self, recorder: Recorder, sources: Sequence[Pending]) -> None:
        """Look at each source and write what it came to, in the order in which they are given."""
        async with recorder.pool.acquire() as conn:
            clock = await looks.read_clock(conn)
        visit = partial(self._visit, recorder, clock)
        await run_all(sources, visit, at_once=self.at_once, apart=START_APART_SECONDS)

    async def _visit(self, recorder: Recorder, clock: DatabaseClock, source: Pending) -> None:
        """Look at one source. Raises nothing that concerns this source alone."""
        try:
            await self._look(recorder, clock, source)
        except UnreadableError as error:
            async with self.writers:
                await recorder.unreadable(source.vault_id, error)

    async def _look(self, recorder: Recorder, clock: DatabaseClock, source: Pending) -> None:
        try:
            listing = await self._list(recorder, clock, source)
            try:
                async with self.writers:
                    await recorder.listing(source.vault_id, listing)
            except UnsureError:
                await self._look_again(recorder, clock, source, listing)
        except CloudError as error:
            raise unreadable(error, source.vault, source.name, self.readers.assignee) from error
        except REFUSALS as error:
            logger.exception("a source's items cannot be stored", source=source.name)
            raise UnreadableError(
                VaultOutcome.FAILED,
                f"Something in {source.name} cannot be stored ({type(error).__name__}).",
                remedy(VaultOutcome.FAILED, source.vault, self.readers.assignee),
            ) from error

    async def _look_again(
        self, recorder: Recorder, clock: DatabaseClock, source: Pending, first: Listing
    ) -> None:
        """Believe that something is gone when a second listing lacks it too."""
        async with self.writers, recorder.pool.acquire() as conn:
            await staging.delete_staged(conn, first.look)
        second = await self._list(recorder, clock, source)
        seen = frozenset(first.external_ids)
        async with self.writers:
            await recorder.listing(source.vault_id, replace(second, abrupt=False, seen_before=seen))

    async def _list(self, recorder: Recorder, clock: DatabaseClock, source: Pending) -> Listing:
        look = uuid4()
        began_at = clock.now()
        stage = partial(staging.stage, recorder.pool, look, recorder.scan_id, source.vault_id)
        async with aclosing(read(self.readers, source.vault, source.name)) as pages:
            return await gather(
                pages,
                look=look,
                began_at=began_at,
                stage=stage,
                thresholds=recorder.thresholds,
            )


async def run_all(
    sources: Sequence[T],
    visit: Callable[[T], Awaitable[None]],
    *,
    at_once: int,
    apart: float = 0.0,
) -> None:
    """Visit each source once, at most `at_once` at a time, the first ones `apart` seconds apart.

    The first error ends the others and is raised as it is: the bus decides by its class.
    """
    waiting = deque(sources)

    async def worker(number: int) -> None:
        if apart:
            await asyncio.sleep(number * apart)
        while waiting:
            await visit(waiting.popleft())

    try:
        async with asyncio.TaskGroup() as group:
            for number in range(min(at_once, len(waiting))):
                group.create_task(worker(number))
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
