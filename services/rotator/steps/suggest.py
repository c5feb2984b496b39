"""Suggestions of which vault secrets hold which applications' secrets, made anew at each look."""

import asyncio
from dataclasses import dataclass

from services.rotator.domain.suggesting import suggest
from services.rotator.store import suggestions
from shared.database import Pool
from shared.telemetry import get_logger

logger = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggester:
    """Compares what the inventory holds; nothing is confirmed by it."""

    pool: Pool

    async def turn(self) -> int:
        """Look at the whole inventory once and return how many suggestions there are."""
        async with self.pool.acquire() as conn:
            found = await suggestions.read(conn)
        # Seconds of work for large estates: rotations go on meanwhile.
        made = await asyncio.to_thread(suggest, found.credentials, found.secrets, found.confirmed)
        async with self.pool.transaction() as conn:
            await suggestions.replace(conn, found, made)
        if made.left_out:
            logger.warning("rotation.suggestions_left_out", left_out=made.left_out)
        return len(made.matches)
