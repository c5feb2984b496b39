"""From the outbox to the broker: every service runs one, and they share the work.

A message leaves the outbox only after the broker confirmed that it is stored. A relay that dies in
between leaves it under a lease, and another sends it again under the same id.

Confirmations are awaited side by side, up to a window. Nothing is claimed beyond it, nor while the
broker is away or accepts nothing: what waits stays in the database, where it costs no memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import groupby
from typing import Final

from shared.bus.destinations import (
    FIRST_PAUSE_SECONDS,
    LAST_PAUSE_SECONDS,
    SLOW_SECONDS,
    Destinations,
    destination_of,
)
from shared.bus.failures import tell
from shared.bus.metrics import Metrics
from shared.bus.retry import describe
from shared.bus.standing import Standing
from shared.bus.store import Claimed
from shared.bus.tasks import stop_tasks
from shared.bus.transports.postgres import PostgresTransport
from shared.errors import TransientError
from shared.telemetry import get_logger

QUEUE: Final = "relay"
WINDOW: Final = 100
# Of messages that are overdue and those in good time together: the bound on memory.
MOST_UNDER_WAY: Final = 4 * WINDOW
CLOSED_SECONDS: Final = 1.0
# The outbox never gives up on a message: only a person may decide that nobody is to hear it.
NEVER: Final = 2**31 - 1

logger = get_logger(__name__)


class SendError(TransientError):
    """The broker did not take a message. `reason` is one word, for metrics."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


async def _always_open() -> bool:
    return True


class Relay:
    """Claims what waits in the queue `relay` and gives it to `send`, which stores it or raises.

    While `is_open` says that the broker takes no messages at all, nothing is claimed.
    """

    def __init__(
        self,
        transport: PostgresTransport,
        send: Callable[[Claimed], Awaitable[None]],
        metrics: Metrics,
        *,
        standing: Standing | None = None,
        is_open: Callable[[], Awaitable[bool]] = _always_open,
        window: int = WINDOW,
    ) -> None:
        self._transport = transport
        self._send = send
        self._metrics = metrics
        self._standing = standing or Standing()
        self._is_open = is_open
        self._window = window
        self._wake = transport.wake(QUEUE)
        self._destinations = Destinations()
        self._sending: set[asyncio.Task[None]] = set()
        self._sent: list[Claimed] = []
        self._failed: list[Claimed] = []
        self._settling = 0
        self._ended = asyncio.Event()
        self._settled = asyncio.Event()
        self._again_at = 0.0
        self._stopping = self._last = False
        self._running: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Relay until `stop`; no error ends it."""
        settling = asyncio.create_task(self._settle_all(), name="bus relay settling")
        try:
            while await self._work():
                try:
                    await self._claim()
                except Exception as error:  # noqa: BLE001 - told, and the next round may do better
                    tell(logger, "the relay pauses", error)
                    self._wake.within(CLOSED_SECONDS)
            self._last = True
            self._ended.set()
            await settling
        finally:
            for task in (settling, *self._sending):
                task.cancel()

    def start(self) -> None:
        """Run in a task of its own, until `end`."""
        self._running = asyncio.create_task(self.run(), name="bus relay")

    async def end(self, seconds: float) -> None:
        """Let what is under way be confirmed within `seconds`; the rest goes back to the outbox."""
        if self._running is None:
            return
        self.stop()
        await asyncio.wait([self._running], timeout=seconds)
        self.abandon()
        await asyncio.wait([self._running], timeout=seconds)
        await stop_tasks([self._running])
        self._running = None

    def stop(self) -> None:
        """Claim nothing more, and end when what is under way is settled."""
        self._stopping = True
        self._wake.set()
        self._settled.set()

    def abandon(self) -> None:
        """Wait for no answer any more: what is under way goes back to the outbox at once."""
        for task in self._sending:
            task.cancel()

    # Claiming ---------------------------------------------------------------------------------

    async def _work(self) -> bool:
        """Wait for room and for a sign of work; False when there is to be none."""
        while not self._stopping and self._room() < max(1, self._window // 2):
            self._settled.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._settled.wait(), SLOW_SECONDS)
        await self._wake.take()
        return not self._stopping

    def _room(self) -> int:
        """Return how many messages may be claimed. What is overdue gives its place away."""
        every, in_time = self._destinations.under_way(self._now())
        unsettled = len(self._sent) + len(self._failed) + self._settling
        return min(self._window - in_time, MOST_UNDER_WAY - every) - unsettled

    async def _claim(self) -> None:
        if not await self._is_open():
            self._wake.within(CLOSED_SECONDS)
            return
        if (room := self._room()) < 1:
            self._wake.set()
            return
        held = await self._transport.claim(QUEUE, room, delivery_limit=NEVER)
        if len(held) == room:
            self._wake.set()
        refused = [one.claimed for one in held if not self._begin(one.claimed)]
        await self._put_off(refused)
        # The wake-up keeps only the earliest of the times it was given: name the last one again.
        if (seconds := self._again_at - self._now()) > 0:
            self._wake.within(seconds)

    def _begin(self, claimed: Claimed) -> bool:
        """Send a message; False where its destination takes none just now."""
        now = self._now()
        if self._destinations.wait(destination_of(claimed), now):
            return False
        self._destinations.begin(claimed, now)
        task = asyncio.create_task(self._one(claimed), name=f"bus relay {claimed.seq}")
        self._sending.add(task)
        task.add_done_callback(self._end)
        self._metrics.relay_in_flight.inc()
        return True

    async def _one(self, claimed: Claimed) -> None:
        try:
            await self._send(claimed)
        except asyncio.CancelledError:
            self._fail(claimed, SendError("abandoned", "This process ends before the answer came."))
        except Exception as error:  # noqa: BLE001 - counted and told
            self._fail(claimed, error)
        else:
            self._sent.append(claimed)
            if self._destinations.succeed(claimed):
                self._standing.clear(_about(claimed))

    def _fail(self, claimed: Claimed, error: Exception) -> None:
        """Count a failure, and tell of it once in each pause of its destination."""
        self._failed.append(claimed)
        reason = error.reason if isinstance(error, SendError) else type(error).__name__
        self._metrics.relay_failed.labels(reason).inc()
        destination, now = destination_of(claimed), self._now()
        told = self._destinations.wait(destination, now) > 0
        pause = self._destinations.fail(claimed, now)
        sentence = f"{destination} stays in the outbox: {describe(error)}"
        self._standing.tell(_about(claimed), sentence, seconds=4 * LAST_PAUSE_SECONDS)
        if not told:
            logger.warning(
                "the broker did not take an event; it stays in the outbox",
                destination=destination,
                reason=reason,
                error=describe(error),
                again_in_seconds=round(pause, 2),
            )

    def _end(self, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        self._metrics.relay_in_flight.dec()
        self._ended.set()

    # Settling ---------------------------------------------------------------------------------

    async def _settle_all(self) -> None:
        """Settle what has ended meanwhile in one statement, until the last has."""
        while not self._last or self._sending or self._sent or self._failed:
            await self._ended.wait()
            self._ended.clear()
            with _telling("could not settle what was relayed"):
                await self._settle()
            self._settled.set()

    async def _settle(self) -> None:
        sent, self._sent = self._sent, []
        failed, self._failed = self._failed, []
        self._settling = len(sent) + len(failed)
        if sent:
            with _telling("could not note what was relayed: it is relayed again"):
                await self._transport.complete(sent)
                self._metrics.relayed.inc(len(sent))
        await self._put_off(failed)
        self._settling = 0

    async def _put_off(self, claimed: Sequence[Claimed]) -> None:
        """Give messages back until their destinations may take them."""
        for batch in _batches(claimed, lambda one: one.lease.hex + destination_of(one)):
            now = self._now()
            pause = max(FIRST_PAUSE_SECONDS, self._destinations.wait(destination_of(batch[0]), now))
            self._again_at = max(self._again_at, now + pause)
            with _telling("could not give messages back: they come again when their lease ends"):
                await self._transport.release(batch, pause)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


def _about(claimed: Claimed) -> str:
    return f"relay {destination_of(claimed)}"


def _batches(claimed: Iterable[Claimed], by: Callable[[Claimed], str]) -> list[list[Claimed]]:
    """Return what one statement can settle together."""
    return [list(batch) for _, batch in groupby(sorted(claimed, key=by), by)]


@contextmanager
def _telling(what: str) -> Iterator[None]:
    """Tell of an error and go on: a lease that nobody renews ends by itself."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - told
        tell(logger, what, error)
