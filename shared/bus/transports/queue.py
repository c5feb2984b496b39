"""One queue in one process: its workers wait here, and one fetcher claims for all of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from shared.bus.failures import tell
from shared.telemetry import get_logger

if TYPE_CHECKING:
    from shared.bus.transports.postgres import Held, PostgresTransport

FIRST_PAUSE_SECONDS: Final = 0.1
LAST_PAUSE_SECONDS: Final = 5.0
CLOSE_SECONDS: Final = 5.0

logger = get_logger(__name__)


class Wake:
    """Set when a queue may have something, at once or after a while. Begins set: look first."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._event.set()
        self._timer: asyncio.TimerHandle | None = None

    def set(self) -> None:
        self._event.set()

    def within(self, seconds: float) -> None:
        """Set it in `seconds`; the earliest of several such calls counts."""
        if seconds <= 0:
            self._event.set()
            return
        loop = asyncio.get_running_loop()
        if self._timer and not self._timer.cancelled():
            if loop.time() < self._timer.when() <= loop.time() + seconds:
                return
            self._timer.cancel()
        self._timer = loop.call_later(seconds, self._event.set)

    async def take(self) -> None:
        """Wait until it is set, and clear it."""
        await self._event.wait()
        self._event.clear()


class Queue:
    """Hands deliveries to idle workers; it never takes more than there are idle workers for."""

    def __init__(self, transport: PostgresTransport, name: str, wake: Wake) -> None:
        self._transport = transport
        self._name = name
        self._wake = wake
        self._ready: asyncio.Queue[Held] = asyncio.Queue()
        self._idle = 0
        self._wanted = asyncio.Event()
        self._closing = False
        self._fetcher = asyncio.create_task(self._run(), name=f"bus fetch {name}")

    async def next(self) -> Held:
        """Return the next delivery; safe to cancel."""
        self._idle += 1
        self._wanted.set()
        try:
            return await self._ready.get()
        finally:
            self._idle -= 1

    async def close(self) -> None:
        """End the fetcher between two claims, so that what it took is known and given back."""
        self._closing = True
        self._wanted.set()
        self._wake.set()
        await asyncio.wait([self._fetcher], timeout=CLOSE_SECONDS)
        self._fetcher.cancel()
        while not self._ready.empty():
            await self._ready.get_nowait().release()

    async def _run(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while not self._closing:
            try:
                await self._fetch()
                pause = FIRST_PAUSE_SECONDS
            except Exception as error:  # noqa: BLE001 - told, and the next try may do better
                tell(logger, "cannot take messages", error, queue=self._name)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LAST_PAUSE_SECONDS)
                self._wake.set()

    async def _fetch(self) -> None:
        """Wait for an idle worker and a sign of work, then claim once."""
        await self._wanted.wait()
        wanted = self._idle - self._ready.qsize()
        if wanted <= 0:
            self._wanted.clear()
            return
        await self._wake.take()
        wanted = self._idle - self._ready.qsize()
        if self._closing or wanted <= 0:
            self._wake.set()
            return
        taken = await self._transport.claim(self._name, wanted)
        if len(taken) == wanted:
            self._wake.set()  # there may be more
        for held in taken:
            self._ready.put_nowait(held)
