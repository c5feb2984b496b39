"""Ending a scan exactly once, whichever shard is the last."""

from uuid import UUID

from services.scanner.domain.outcome import Conclusion, Tally, conclude
from services.scanner.ports import Outbox
from services.scanner.store import passes, scans, shards
from services.scanner.store.scans import Scan
from shared.audit import Action, AuditEntry, record
from shared.database import Connection
from shared.events.scanning import ScanCompleted, ScanOutcome

_REASON_LENGTH = 500


async def conclude_if_done(conn: Connection, outbox: Outbox, scan_id: UUID) -> bool:
    """End a running scan whose shards are all done; True for the one caller that ended it.

    The scan's row is locked before the shards are counted, so of two last shards that end at the
    same time the second one sees the first.
    """
    scan = await scans.lock_scan(conn, scan_id)
    if scan is None or scan.state != scans.RUNNING:
        return False
    if await shards.list_unfinished_shards(conn, scan_id):
        return False
    tally = await scans.get_tally(conn, scan_id)
    await _end(conn, outbox, scan, tally, conclude(tally, scan.notes))
    return True


async def fail_scan(conn: Connection, outbox: Outbox, scan_id: UUID, error: str) -> bool:
    """End a scan that could not even be planned; False when it has gone on meanwhile."""
    scan = await scans.lock_scan(conn, scan_id)
    if scan is None or scan.state != scans.REQUESTED:
        return False
    await _end(conn, outbox, scan, Tally(), Conclusion(ScanOutcome.FAILED, error))
    return True


async def _end(
    conn: Connection, outbox: Outbox, scan: Scan, tally: Tally, conclusion: Conclusion
) -> None:
    seconds = await scans.save_conclusion(conn, scan.id, tally, conclusion)
    totals = await passes.close_scan(conn, scan.id)
    entry = AuditEntry(
        action=Action.SCAN_COMPLETED,
        actor=scan.requested_by,
        subject=str(scan.id),
        outcome="failed" if conclusion.outcome is ScanOutcome.FAILED else "done",
        correlation_id=scan.correlation_id,
        scope=scan.mode.value,
        reason=(conclusion.error or "")[:_REASON_LENGTH] or None,
        amount=tally.items,
        after=conclusion.outcome.value,
    )
    await record(conn, entry)
    event = ScanCompleted(
        scan_id=scan.id,
        outcome=conclusion.outcome,
        vaults=tally.vaults,
        unreadable=tally.unreadable,
        items=tally.items,
        added=tally.added,
        changed=tally.changed,
        removed=tally.removed,
        seconds=seconds,
        calls=dict(totals.calls),
        details_pending=totals.details_pending,
    )
    await outbox.emit(event, connection=conn, correlation_id=scan.correlation_id)
