"""A scan that the scanner starts by itself or is asked for: its row and its audit entry."""

from datetime import datetime

from services.scanner.store import scans
from services.scanner.store.scans import Scan
from shared.audit import Action, AuditEntry, record
from shared.database import Connection


async def add_scan(conn: Connection, scan: Scan, requested_at: datetime) -> bool:
    """Add a scan with its audit entry; False when it is known already."""
    if not await scans.add_scan(conn, scan, requested_at):
        return False
    entry = AuditEntry(
        action=Action.SCAN_STARTED,
        actor=scan.requested_by,
        subject=str(scan.id),
        correlation_id=scan.correlation_id,
        scope=scan.mode.value,
    )
    await record(conn, entry)
    return True
