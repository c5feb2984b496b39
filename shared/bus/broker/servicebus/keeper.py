"""Keeps a delivery's lock while a handler works."""

from __future__ import annotations

import asyncio
from typing import Final

from shared.bus.broker.servicebus.delivery import Delivery
from shared.clock import utc_now

SHORTEST_PAUSE_SECONDS: Final = 0.25


class Keeper:
    """Renews a lock whenever half of its time is over, for `longest` seconds at most.

    Most handlers end long before that: for them it is a timer that is taken back. A renewal under
    way is waited for and never cancelled: a request that is cut off spoils the connection.
    """

    def __init__(self, delivery: Delivery, longest: float) -> None:
        self._delivery = delivery
        self._loop = asyncio.get_running_loop()
        self._end = self._loop.time() + longest
        self._timer: asyncio.TimerHandle | None = None
        self._renewal: asyncio.Task[None] | None = None
        self._over = False

    def start(self) -> None:
        """Renew from now on, where there is a lock."""
        self._wait()

    async def stop(self) -> None:
        """Stop renewing; what is not settled keeps its lock until that ends."""
        self._over = True
        if self._timer:
            self._timer.cancel()
        if self._renewal:
            await asyncio.wait([self._renewal])

    def _wait(self) -> None:
        until = self._delivery.locked_until
        if self._over or until is None or not self._delivery.kept:
            return
        pause = max((until - utc_now()).total_seconds() / 2, SHORTEST_PAUSE_SECONDS)
        if self._loop.time() + pause < self._end:
            self._timer = self._loop.call_later(pause, self._begin)

    def _begin(self) -> None:
        self._renewal = self._loop.create_task(self._renew())

    async def _renew(self) -> None:
        await self._delivery.renew()
        self._wait()
