"""From the outbox to the broker: every service runs one, and they share the work.

A message leaves the outbox only after the broker confirmed that it is stored. A relay that dies in
between leaves it under a lease, and another sends it again under the same id.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from shared.bus.failures import tell
from shared.bus.metrics import Metrics
from shared.bus.retry import describe
from shared.bus.store import Claimed
from shared.bus.transports.postgres import PostgresTransport
from shared.telemetry import get_logger

QUEUE: Final = "relay"
BATCH: Final = 50
FIRST_PAUSE_SECONDS: Final = 0.25
LAST_PAUSE_SECONDS: Final = 5.0
# The outbox never gives up on a message: only a person may decide that nobody is to hear it.
NEVER: Final = 2**31 - 1

logger = get_logger(__name__)


class Relay:
    """Claims what waits in the queue `relay` and gives it to `send`, which stores it or raises."""

    def __init__(
        self,
        transport: PostgresTransport,
        send: Callable[[Claimed], Awaitable[None]],
        metrics: Metrics,
    ) -> None:
        self._transport = transport
        self._send = send
        self._metrics = metrics
        self._wake = transport.wake(QUEUE)
        self._stopping = False
        self._pause = FIRST_PAUSE_SECONDS

    async def run(self) -> None:
        """Relay until `stop`; no error ends it."""
        while await self._work():
            try:
                await self._round()
            except Exception as error:  # noqa: BLE001 - told, and the next round may do better
                tell(logger, "the relay pauses", error)
                self._wake.within(self._next_pause())

    def stop(self) -> None:
        """End after the round that is under way."""
        self._stopping = True
        self._wake.set()

    async def _work(self) -> bool:
        """Wait for a sign of work; False when there is to be none."""
        await self._wake.take()
        return not self._stopping

    async def _round(self) -> None:
        held = await self._transport.claim(QUEUE, BATCH, delivery_limit=NEVER)
        claimed = [one.claimed for one in held]
        if not claimed:
            return
        outcomes = await asyncio.gather(
            *(self._send(one) for one in claimed), return_exceptions=True
        )
        sent = [one for one, error in zip(claimed, outcomes, strict=True) if error is None]
        failed = [one for one, error in zip(claimed, outcomes, strict=True) if error is not None]
        if sent:
            await self._transport.complete(sent)
            self._metrics.relayed.inc(len(sent))
        if failed:
            await self._give_back(failed, outcomes)
        else:
            self._pause = FIRST_PAUSE_SECONDS
        if len(claimed) == BATCH and sent:
            self._wake.set()

    async def _give_back(
        self, failed: Sequence[Claimed], outcomes: Sequence[BaseException | None]
    ) -> None:
        """Keep in the outbox what the broker did not take, and try it again after a pause."""
        errors = [error for error in outcomes if error is not None]
        for error in errors:
            self._metrics.relay_failed.labels(type(error).__name__).inc()
        pause = self._next_pause()
        logger.warning(
            "the broker did not take events; they stay in the outbox",
            events=len(failed),
            types=sorted({one.type for one in failed}),
            error=describe(errors[0]),
            again_in_seconds=pause,
        )
        await self._transport.release(failed, pause)

    def _next_pause(self) -> float:
        pause, self._pause = self._pause, min(self._pause * 2, LAST_PAUSE_SECONDS)
        return pause
