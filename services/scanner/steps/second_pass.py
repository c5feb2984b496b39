"""What the listings of a scan do not tell: asked for when all of them are complete.

A shard that is listed waits, without a message of its own, until the last shard of its scan is. The
transaction that notes the last one asks for the details of all.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from services.scanner.ports import Outbox
from services.scanner.steps.conclude import conclude_if_done
from services.scanner.steps.diagnose import DiagnosticsReader, with_diagnostics
from services.scanner.steps.enrich import Enricher
from services.scanner.steps.record import Recorder
from services.scanner.store import scans, shards
from services.scanner.store.scans import Scan
from shared.database import Connection
from shared.events.scanning import ScanDetailsRequested


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondPass:
    """What is asked of a shard after its listings: its items' details, its vaults' settings."""

    enricher: Enricher
    diagnostics: DiagnosticsReader | None = None

    async def is_due(self, conn: Connection, scan: Scan, shard_id: int) -> bool:
        """Say whether there is anything to be asked."""
        if await self.enricher.is_due(conn, scan, shard_id):
            return True
        reader = self.diagnostics
        return reader is not None and await reader.is_due(conn, scan.id, shard_id)

    async def run(self, recorder: Recorder, shard_id: int) -> None:
        """Ask for it, as far as allowances reach."""
        enriching = self.enricher.enrich(recorder, shard_id)
        await with_diagnostics(enriching, self.diagnostics, recorder.scan_id, shard_id)


async def end_listing(
    conn: Connection, outbox: Outbox, scan: Scan, shard_id: int, second_pass: SecondPass
) -> bool:
    """Note that a shard is listed; True for the one caller whose shard was the last of its scan.

    A shard of which nothing is left to be asked is done with it. The scan's row is locked first, so
    of two last shards that end at the same time the second one sees the first.
    """
    await scans.lock_scan(conn, scan.id)
    if not await shards.mark_listed(conn, scan.id, shard_id):
        return False
    if not await second_pass.is_due(conn, scan, shard_id):
        await shards.finish_shard(conn, scan.id, shard_id)
    if await shards.list_unlisted_shards(conn, scan.id):
        return False
    await send_details(conn, outbox, scan, await shards.list_unfinished_shards(conn, scan.id))
    await conclude_if_done(conn, outbox, scan.id)
    return True


async def send_details(
    conn: Connection, outbox: Outbox, scan: Scan, shard_ids: Sequence[int]
) -> None:
    """Ask for the second pass over shards: by whichever replica is free."""
    for shard_id in shard_ids:
        event = ScanDetailsRequested(scan_id=scan.id, shard_id=shard_id)
        await outbox.emit(event, connection=conn, correlation_id=scan.correlation_id)
