"""The scan watchdog: a scan that nobody works on any more is sent again, and in the end given up.

The bus hands a lost shard to another replica by itself. What remains are scans whose message was
laid aside as a dead letter, and scans that were requested while nothing could be planned.
"""

from dataclasses import dataclass
from typing import Final

from services.scanner.domain.remedy import UNKNOWN_ASSIGNEE, Assignee, remedy
from services.scanner.ports import Estate, Grants, Outbox
from services.scanner.steps.conclude import conclude_if_done, fail_scan
from services.scanner.steps.grants import list_grants
from services.scanner.steps.plan import EVERYTHING, plan, send_shards, survey
from services.scanner.steps.read import UnreadableError
from services.scanner.steps.record import Recorder
from services.scanner.steps.second_pass import send_details
from services.scanner.store import looks, scans, shards, staging
from services.scanner.store.locks import Task, try_task
from services.scanner.store.scans import Scan
from shared.clouds.errors import CloudError
from shared.database import Pool
from shared.events.scanning import VaultOutcome
from shared.selector import Selector
from shared.telemetry import get_logger

logger = get_logger(__name__)

STALE_SECONDS: Final = 600.0
ATTEMPTS: Final = 3
AT_ONCE: Final = 20
STAGED_HOURS: Final = 24
_NOT_DONE: Final = (
    f"Its shard was sent {ATTEMPTS} times more and never done: see the dead letters of the scanner."
)
_NOT_PLANNED: Final = (
    f"The estate could not be listed in {ATTEMPTS} more attempts: see the scanner's log and its"
    " dead letters."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watchdog:
    """Sees that every scan ends. Nothing done for `stale_seconds` makes a scan stale."""

    pool: Pool
    outbox: Outbox
    estate: Estate
    grants: Grants | None = None
    assignee: Assignee = UNKNOWN_ASSIGNEE
    stale_seconds: float = STALE_SECONDS
    scope: Selector = EVERYTHING

    async def look(self) -> int:
        """Resume or give up stale scans; return how many there were."""
        stale = await self._claim()
        for scan in stale:
            logger.warning("a scan made no progress", scan=str(scan.id), attempt=scan.resumed)
            if scan.state == scans.RUNNING:
                await self._resume(scan)
            else:
                await self._plan(scan)
        return len(stale)

    async def _claim(self) -> list[Scan]:
        async with self.pool.transaction() as conn:
            if not await try_task(conn, Task.SCAN_WATCHDOG):
                return []
            await staging.delete_abandoned(conn, hours=STAGED_HOURS)
            return await scans.claim_stale(conn, after_seconds=self.stale_seconds, limit=AT_ONCE)

    async def _resume(self, scan: Scan) -> None:
        """Send what is not done again; after the last attempt give its sources up, with a reason.

        Listings first: while one is left, no details are asked for. A scan whose shards are all
        done is ended: its last message was lost between two commits.
        """
        if scan.resumed > ATTEMPTS:
            await self._give_up(scan)
        async with self.pool.transaction() as conn:
            if await conclude_if_done(conn, self.outbox, scan.id):
                return
            if unlisted := await shards.list_unlisted_shards(conn, scan.id):
                await send_shards(conn, self.outbox, scan, unlisted)
            else:
                unfinished = await shards.list_unfinished_shards(conn, scan.id)
                await send_details(conn, self.outbox, scan, unfinished)

    async def _give_up(self, scan: Scan) -> None:
        recorder = Recorder(pool=self.pool, outbox=self.outbox, scan_id=scan.id, mode=scan.mode)
        async with self.pool.acquire() as conn:
            unlisted = await shards.list_unlisted_shards(conn, scan.id)
            lost = unlisted or await shards.list_unfinished_shards(conn, scan.id)
        for shard_id in lost:
            async with self.pool.acquire() as conn:
                pending = await looks.list_pending(conn, scan.id, shard_id)
            for source in pending:
                advice = remedy(VaultOutcome.FAILED, source.vault, self.assignee)
                error = UnreadableError(VaultOutcome.FAILED, _NOT_DONE, advice)
                await recorder.unreadable(source.vault_id, error)
            async with self.pool.transaction() as conn:
                await shards.finish_shard(conn, scan.id, shard_id)

    async def _plan(self, scan: Scan) -> None:
        if scan.resumed > ATTEMPTS:
            await self._fail(scan, _NOT_PLANNED)
            return
        try:
            found = await survey(self.estate, scan.subscription_ids)
        except CloudError as error:
            if scan.resumed == ATTEMPTS:
                await self._fail(scan, f"{error} {error.remedy}".strip())
        else:
            granted = await list_grants(self.grants, sorted(found.in_scope))
            await plan(
                self.pool,
                self.outbox,
                scan,
                found,
                assignee=self.assignee,
                scope=self.scope,
                grants=granted,
            )

    async def _fail(self, scan: Scan, error: str) -> None:
        async with self.pool.transaction() as conn:
            await fail_scan(conn, self.outbox, scan.id, error)
