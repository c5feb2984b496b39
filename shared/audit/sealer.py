"""The sealer: chains new entries within about a second and signs checkpoints.

The gateway runs it, on every replica: the database lets one at a time work and sends the others
away at once. The chain is computed inside the database by `audit.seal_entries` (SECURITY DEFINER,
the only way into `audit.seal`, granted to the gateway alone), so that not even the gateway can
write a link of its own making. It takes entries in the order of their transactions, and only those
that no running transaction can precede any more; it takes no lock that a writer could meet.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.audit.checkpoint import Checkpoint, Export
from shared.clock import Clock, utc_now
from shared.database import Pool
from shared.telemetry import get_logger

logger = get_logger(__name__)

SEAL_SECONDS: Final = 1.0
CHECKPOINT_SECONDS: Final = 600.0
LAST_SECONDS: Final = 5.0
BATCH: Final = 2000
# An entry becomes visible when its transaction ends; none is open for longer than this.
LOOK_BACK: Final = timedelta(hours=1)
_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Sealer:
    """Seals and signs while `run` runs; `export` carries each checkpoint out of the database."""

    def __init__(
        self,
        pool: Pool,
        *,
        key: Ed25519PrivateKey,
        export: Export,
        clock: Clock = utc_now,
        seal_seconds: float = SEAL_SECONDS,
        checkpoint_seconds: float = CHECKPOINT_SECONDS,
    ) -> None:
        self._pool = pool
        self._key = key
        self._export = export
        self._clock = clock
        self._seal_seconds = seal_seconds
        self._checkpoint_seconds = checkpoint_seconds
        self._looked_at_all = False

    async def run(self) -> None:
        """Seal every second, sign every ten minutes, and once more when cancelled."""
        due = asyncio.get_running_loop().time() + self._checkpoint_seconds
        try:
            while True:
                await self.seal()
                if asyncio.get_running_loop().time() >= due:
                    await self.checkpoint()
                    due += self._checkpoint_seconds
                await asyncio.sleep(self._seal_seconds)
        except asyncio.CancelledError:
            await self._seal_once_more()
            raise

    async def _seal_once_more(self) -> None:
        """Seal and sign before the end, where the database lets us; the next start goes on."""
        try:
            async with asyncio.timeout(LAST_SECONDS):
                await self.seal()
                await self.checkpoint()
        except Exception as error:  # noqa: BLE001 - told; it must not take the cancellation's place
            logger.warning("the last entries wait for the next start", error=type(error).__name__)

    async def seal(self) -> int:
        """Seal everything that can be sealed now; return how many entries that were.

        The first time, and after a failure, it looks at the whole log, otherwise at the last hour.
        """
        since = self._clock() - LOOK_BACK if self._looked_at_all else _BEGINNING
        self._looked_at_all = False
        total = 0
        while True:
            done: int = await self._pool.fetchval("SELECT audit.seal_entries($1, $2)", since, BATCH)
            total += done
            if done < BATCH:
                self._looked_at_all = True
                return total

    async def checkpoint(self) -> Checkpoint | None:
        """Sign the chain's head and export it; None when it is signed already.

        It is exported before it is stored: a crash in between exports it twice, never not at all.
        """
        head = await self._pool.fetchrow(
            """
            SELECT s.position, s.hash
              FROM audit.seal AS s
             WHERE NOT EXISTS (SELECT FROM audit.checkpoint AS c WHERE c.position = s.position)
               AND s.position = (SELECT max(position) FROM audit.seal)
            """
        )
        if head is None:
            return None
        signed = Checkpoint.sign(
            self._key, position=head["position"], hash_=head["hash"], at=self._clock()
        )
        await asyncio.to_thread(self._export, signed)
        await self._pool.execute(
            """
            INSERT INTO audit.checkpoint (position, hash, at, key_id, signature)
            VALUES ($1, $2, $3, $4, $5)
                ON CONFLICT DO NOTHING
            """,
            signed.position,
            signed.hash,
            signed.at,
            signed.key_id,
            signed.signature,
        )
        # The log is a way out of the database as well, wherever it is shipped to.
        logger.info("audit checkpoint", checkpoint=signed.to_line())
        return signed
