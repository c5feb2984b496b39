"""One queue in one process: its workers wait here, and one fetcher claims for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
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
    """Hands deliveries to idle workers; it never takes more than there are workers for.

    A delivery that was handled is settled in the statement that claims the next one for its worker,
    and what several workers want at about the same time is one statement.
    """

    def __init__(self, transport: PostgresTransport, name: str, wake: Wake) -> None:
        self._transport = transport
        self._name = name
        self._wake = wake
        self._ready: asyncio.Queue[Held] = asyncio.Queue()
        self._done: list[tuple[Held, asyncio.Future[None]]] = []
        self._idle = 0
        self._sign = asyncio.Event()
        self._closing = False
        wake.hear(self._sign.set)
        self._fetcher = asyncio.create_task(self._run(), name=f"bus fetch {name}")

    async def next(self) -> Held:
        """Return the next delivery; safe to cancel."""
        self._idle += 1
        self._sign.set()
        try:
            return await self._ready.get()
        finally:
            self._idle -= 1

    async def complete(self, held: Held) -> None:
        """Settle a delivery as handled. Raises what the database raises: it is delivered again."""
        if self._fetcher.done():
            await self._transport.complete([held.claimed])
            return
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._done.append((held, stored))
        self._sign.set()
        await stored

    async def close(self) -> None:
        """End the fetcher between two turns, so that what it took is known and given back."""
        self._closing = True
        self._sign.set()
        await asyncio.wait([self._fetcher], timeout=CLOSE_SECONDS)
        self._fetcher.cancel()
        while not self._ready.empty():
            await self._ready.get_nowait().release()

    async def _run(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while not self._closing or self._done:
            await self._sign.wait()
            self._sign.clear()
            try:
                await self._turn()
                pause = FIRST_PAUSE_SECONDS
            except Exception as error:  # noqa: BLE001 - told, and the next try may do better
                tell(logger, "cannot take messages", error, queue=self._name)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LAST_PAUSE_SECONDS)
                self._wake.set()

    async def _turn(self) -> None:
        """Settle what was handled, and claim once where something may wait for an idle worker."""
        done, self._done = self._done, []
        wanted = self._wanted(len(done))
        if not done and not wanted:
            return
        if wanted:
            self._wake.clear()
        try:
            taken = await self._transport.turn(self._name, [held for held, _ in done], wanted)
        except Exception as error:
            _answer(done, error)
            raise
        _answer(done, None)
        if wanted and len(taken) == wanted:
            self._wake.set()  # there may be more
        for held in taken:
            self._ready.put_nowait(held)

    def _wanted(self, about_to_be_idle: int) -> int:
        if self._closing or not self._wake.is_set:
            return 0
        return max(0, self._idle + about_to_be_idle - self._ready.qsize())


def _answer(done: list[tuple[Held, asyncio.Future[None]]], error: Exception | None) -> None:
    """Tell each worker how settling went; one that was cut off meanwhile does not wait any more."""
    for _, stored in done:
        if not stored.done():
            stored.set_exception(error) if error else stored.set_result(None)
