"""What happens without a message: sweeps, watchdog, doctor, scheduled scans, and tidying up."""

from typing import Final

from services.scanner.domain.status import Thresholds
from services.scanner.steps.rejudge import rejudge
from shared.database import Pool
from shared.service.periodic import Periodic

SWEEP_SECONDS: Final = 60.0
WATCH_SECONDS: Final = 60.0
DOCTOR_SECONDS: Final = 15.0
SCHEDULE_SECONDS: Final = 20.0
RETENTION_SECONDS: Final = 3600.0
REJUDGE_SECONDS: Final = 60.0


async def rejudge_and_wake(pool: Pool, base: Thresholds, expiry: Periodic) -> None:
    """Judge anew what changed rules concern, and let the sweep look at it at once."""
    if await rejudge(pool, base=base):
        expiry.wake()
