"""One queue in one process: its workers wait here, and one fetcher claims for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from shared.bus.failures import tell
from shared.telemetry import get_logger

if TYPE_CHECKING:
    from shared.bus.transports.postgres import Held, PostgresTransport

FIRST_PAUSE_SECONDS: Final = 0.1
LAST_PAUSE_SECONDS: Final = 5.0
CLOSE_SECONDS: Final = 5.0
# A handler that took longer gets no spare delivery; what it is about to begin waits no longer.
QUICK_SECONDS: Final = 0.25
SPARE_SECONDS: Final = 1.0
MOST_SPARES: Final = 100

logger = get_logger(__name__)


class Wake:
    """Set when a queue may have something, at once or after a while. Begins set: look first."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._event.set()
        self._timer: asyncio.TimerHandle | None = None
        self._heard: Callable[[], None] = lambda: None

    @property
    def is_set(self) -> bool:
        return self._event.is_set()

    def set(self) -> None:
        self._event.set()
        self._heard()

    def clear(self) -> None:
        self._event.clear()

    def hear(self, heard: Callable[[], None]) -> None:
        """Call `heard` from now on whenever it is set."""
        self._heard = heard

    def within(self, seconds: float) -> None:
        """Set it in `seconds`; the earliest of several such calls counts."""
        if seconds <= 0:
            self.set()
            return
        loop = asyncio.get_running_loop()
        if self._timer and not self._timer.cancelled():
            if loop.time() < self._timer.when() <= loop.time() + seconds:
                return
            self._timer.cancel()
        self._timer = loop.call_later(seconds, self.set)

    async def take(self) -> None:
        """Wait until it is set, and clear it."""
        await self._event.wait()
        self._event.clear()


class Queue:
    """Hands deliveries to idle workers, and has as many at hand as quick handlers use up in a turn.

    A turn is one statement: it settles whatever was handled meanwhile, and claims for whoever is
    idle. Workers wait for no turn while there is a spare delivery. Slow handlers get no spares, and
    one that lies here all the same is given back, so that no message waits behind a handler of
    minutes while another process is idle.
    """

    def __init__(self, transport: PostgresTransport, name: str, wake: Wake) -> None:
        self._transport = transport
        self._name = name
        self._wake = wake
        self._ready: asyncio.Queue[Held] = asyncio.Queue()
        self._done: list[Held] = []
        self._idle = 0
        self._sign = asyncio.Event()
        self._spares_end: asyncio.TimerHandle | None = None
        self._returning = False
        self._closing = False
        self._clock = asyncio.get_running_loop().time
        wake.hear(self._sign.set)
        self._fetcher = asyncio.create_task(self._run(), name=f"bus fetch {name}")

    async def next(self) -> Held:
        """Return the next delivery; safe to cancel."""
        self._idle += 1
        self._sign.set()
        try:
            held = await self._ready.get()
        finally:
            self._idle -= 1
        held.begun = self._clock()
        return held

    async def complete(self, held: Held) -> None:
        """Settle a delivery as handled with the next turn; if that fails, it is delivered again.

        Raises what the database raises only where no turn comes any more.
        """
        if self._fetcher.done():
            await self._transport.complete([held.claimed])
            return
        self._done.append(held)
        self._sign.set()

    async def close(self) -> None:
        """End the fetcher between two turns, so that what it took is known and given back."""
        self._closing = True
        self._sign.set()
        await asyncio.wait([self._fetcher], timeout=CLOSE_SECONDS)
        self._fetcher.cancel()
        self._stop_timer()
        await self._return_spares()

    async def _run(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while not self._closing or self._done:
            await self._sign.wait()
            self._sign.clear()
            try:
                if self._returning:
                    self._returning = False
                    await self._return_spares()
                await self._turn()
                pause = FIRST_PAUSE_SECONDS
            except Exception as error:  # noqa: BLE001 - told, and the next try may do better
                tell(logger, "cannot settle or take messages", error, queue=self._name)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LAST_PAUSE_SECONDS)
                self._wake.set()

    async def _turn(self) -> None:
        """Settle what was handled, and claim where something may wait for a worker."""
        done, self._done = self._done, []
        wanted = self._wanted(done)
        if not done and not wanted:
            return
        if wanted:
            self._wake.clear()
        taken = await self._transport.turn(self._name, done, wanted)
        if wanted and len(taken) == wanted:
            self._wake.set()  # there may be more
        for held in taken:
            self._ready.put_nowait(held)
        self._watch_spares()

    def _wanted(self, done: Sequence[Held]) -> int:
        if self._closing or not self._wake.is_set:
            return 0
        since = self._clock() - QUICK_SECONDS
        quick = sum(held.begun > since for held in done)
        return max(0, self._idle + min(quick, MOST_SPARES) - self._ready.qsize())

    def _watch_spares(self) -> None:
        """Give back what still lies here in a while."""
        self._stop_timer()
        if not self._ready.empty():
            loop = asyncio.get_running_loop()
            self._spares_end = loop.call_later(SPARE_SECONDS, self._end_spares)

    def _end_spares(self) -> None:
        self._returning = True
        self._sign.set()

    def _stop_timer(self) -> None:
        if self._spares_end:
            self._spares_end.cancel()

    async def _return_spares(self) -> None:
        while not self._ready.empty():
            await self._ready.get_nowait().release()
