"""The first look: an installation that has never scanned asks for a scan by itself."""

from typing import Final
from uuid import NAMESPACE_URL, UUID, uuid5

from services.scanner.ports import Outbox
from services.scanner.store import scans
from shared.database import Pool
from shared.events import ScanRequested

# One id for every installation and replica: asked for twice it is still one scan.
FIRST_SCAN: Final[UUID] = uuid5(NAMESPACE_URL, "certifyclouds:first-scan")
REQUESTED_BY: Final = "first start"


async def request_first_scan(pool: Pool, outbox: Outbox) -> bool:
    """Ask for a full scan unless one was ever asked for; return whether it was."""
    async with pool.transaction() as conn:
        if await scans.any_scan(conn):
            return False
        event = ScanRequested(scan_id=FIRST_SCAN, requested_by=REQUESTED_BY)
        await outbox.emit(event, connection=conn)
    return True
