"""What the gateway does by the clock."""

import asyncio
from datetime import timedelta
from typing import Final

from services.gateway.ports import SessionTokens
from services.gateway.steps.housekeeping import tidy
from shared.audit import prune
from shared.clock import Clock
from shared.database import Pool

TIDY_SECONDS: Final = 600.0
KEYS_SECONDS: Final = 3600.0


async def keep_tidy(pool: Pool, clock: Clock, *, audit_kept: timedelta) -> None:
    """Delete what has no use any more, every ten minutes until cancelled."""
    while True:
        await tidy(pool, clock)
        await prune(pool, before=clock() - audit_kept)
        await asyncio.sleep(TIDY_SECONDS)


async def keep_signing_keys(tokens: SessionTokens) -> None:
    """Read the signing keys again every hour: the newest changes when it has aged."""
    while True:
        await asyncio.sleep(KEYS_SECONDS)
        await tokens.refresh()
