"""Reading where vaults' logs go, beside the details of a shard's items and within a budget.

One request for each vault, so only for those that are due. Nothing here fails a shard: what was not
reached, or could not be recorded, is due again in the next scan.
"""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from services.scanner.domain.remedy import UNKNOWN_ASSIGNEE, Assignee, grant_reader
from services.scanner.ports import Diagnostics
from services.scanner.steps.own_pace import ManagementPacing
from services.scanner.steps.read import outcome_of
from services.scanner.steps.visit import run_all
from services.scanner.store.diagnostics import Due, Reading, list_due, save_reading
from shared.clouds.errors import AccessDeniedError, CloudError, ThrottledError
from shared.database import Connection, Pool
from shared.events.scanning import VaultOutcome
from shared.telemetry import get_logger

logger = get_logger(__name__)

AT_ONCE: Final = 4
DEFAULT_HOURS: Final = 24.0
# Longer a shard does not wait for what is not its items; the watchdog would take it for dead.
LONGEST_SECONDS: Final = 240.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosticsReader:
    """Reads what is due. `hours` is how long a reading counts, `writers` the pool's places.

    `pacing` learns of the waits that Azure asks for, so that other shards keep them too.
    """

    diagnostics: Diagnostics
    pool: Pool
    writers: asyncio.Semaphore
    pacing: ManagementPacing = field(default_factory=ManagementPacing)
    assignee: Assignee = UNKNOWN_ASSIGNEE
    hours: float = DEFAULT_HOURS
    longest_seconds: float = LONGEST_SECONDS

    async def is_due(self, conn: Connection, scan_id: UUID, shard_id: int) -> bool:
        """Say whether a shard has vaults to be read."""
        return bool(await list_due(conn, scan_id, shard_id, hours=self.hours))

    async def read_due(self, scan_id: UUID, shard_id: int) -> None:
        """Read the shard's vaults that are due, until done, throttled or out of time."""
        try:
            async with self.writers, self.pool.acquire() as conn:
                due = await list_due(conn, scan_id, shard_id, hours=self.hours)
            async with asyncio.timeout(self.longest_seconds):
                await run_all(due, _Round(self, scan_id).visit, at_once=AT_ONCE)
        except TimeoutError:
            logger.warning("diagnostic settings are left for the next scan", shard=shard_id)
        except Exception:
            logger.exception("diagnostic settings could not be recorded", shard=shard_id)

    async def ask(self, due: Due) -> Reading:
        """Return what asking for one vault's settings came to."""
        try:
            return Reading(settings=await self.diagnostics.settings(due.vault))
        except CloudError as error:
            if isinstance(error, ThrottledError):
                self.pacing.hold(due.vault.subscription_id, error.retry_after or 0.0)
            denied = isinstance(error, AccessDeniedError)
            advice = grant_reader(due.vault.resource_id, self.assignee) if denied else error.remedy
            return Reading(outcome=outcome_of(error), reason=str(error), remedy=advice or None)
        except Exception as error:
            logger.exception(
                "a vault's diagnostic settings could not be read", vault=due.vault.name
            )
            reason = f"Reading them ended in an unforeseen error ({type(error).__name__})."
            return Reading(outcome=VaultOutcome.FAILED, reason=reason)


@dataclass(slots=True)
class _Round:
    """One shard's readings. Being throttled ends it: the quota is the whole subscription's."""

    reader: DiagnosticsReader
    scan_id: UUID
    throttled: bool = False

    async def visit(self, due: Due) -> None:
        if self.throttled:
            return
        reading = await self.reader.ask(due)
        self.throttled = self.throttled or reading.outcome is VaultOutcome.THROTTLED
        async with self.reader.writers, self.reader.pool.transaction() as conn:
            await save_reading(conn, self.scan_id, due.vault_id, reading)


async def with_diagnostics(
    asking: Awaitable[None], reader: DiagnosticsReader | None, scan_id: UUID, shard_id: int
) -> None:
    """Ask for a shard's details and read what is due beside it; an error of asking ends both."""
    if reader is None:
        await asking
        return
    reading = asyncio.create_task(reader.read_due(scan_id, shard_id))
    try:
        await asking
        await reading
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
