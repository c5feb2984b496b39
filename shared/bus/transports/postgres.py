"""The embedded bus: durable queues, leases and wake-ups in the product's own PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from shared.bus import store
from shared.bus.tasks import every, stop_tasks
from shared.bus.transports.queue import Queue, Wake
from shared.telemetry import get_logger

if TYPE_CHECKING:
    from shared.database import Pool

LEASE_SECONDS: Final = 30.0
POLL_SECONDS: Final = 5.0
DELIVERY_LIMIT: Final = 20
CHANNEL: Final = "bus"

logger = get_logger(__name__)


class Held:
    """A delivery under a lease, which the transport renews until it is settled."""

    __slots__ = ("_transport", "begun", "claimed")

    def __init__(self, transport: PostgresTransport, claimed: store.Claimed) -> None:
        self._transport = transport
        self.claimed = claimed
        self.begun = 0.0
        """When a worker got it, by the event loop's clock."""

    @property
    def queue(self) -> str:
        return self.claimed.queue

    @property
    def attempt(self) -> int:
        return self.claimed.attempt

    @property
    def headers(self) -> Mapping[str, object]:
        return self.claimed.headers

    @property
    def body(self) -> bytes:
        return self.claimed.body

    async def complete(self) -> None:
        await self._transport.completed(self)

    async def retry(self, delay: float) -> None:
        await self._transport.retry(self.claimed, delay)

    async def bury(self, reason: str, description: str) -> None:
        await self._transport.bury(self.claimed, reason, description)

    async def release(self) -> None:
        await self._transport.release([self.claimed])


class PostgresTransport:
    """Implements `Transport` over a service's own pool.

    NOTIFY says which queue has something; it may be lost, so every queue is also looked at every
    few seconds, in one statement for all. Leases are renewed in one statement too.
    """

    protocol = "postgresql"
    url = "postgresql://embedded"

    def __init__(
        self,
        pool: Pool,
        *,
        lease_seconds: float = LEASE_SECONDS,
        poll_seconds: float = POLL_SECONDS,
        delivery_limit: int = DELIVERY_LIMIT,
    ) -> None:
        self._pool = pool
        self._lease_seconds = lease_seconds
        self._poll_seconds = poll_seconds
        self._delivery_limit = delivery_limit
        self._wakes: dict[str, Wake] = {}
        self._queues: dict[str, Queue] = {}
        self._held: dict[int, store.Claimed] = {}
        self._resources = AsyncExitStack()
        self._tasks: list[asyncio.Task[None]] = []
        self._looked_at = 0.0

    async def open(self) -> None:
        await self._resources.enter_async_context(self._pool.listen(CHANNEL, self._notified))
        self._tasks = [
            every(self._poll_seconds, self._look, "bus poll"),
            every(self._lease_seconds / 3, self._renew, "bus leases"),
        ]

    async def close(self) -> None:
        for queue in self._queues.values():
            await queue.close()
        self._queues.clear()
        await stop_tasks(self._tasks)
        await self._resources.aclose()

    async def ping(self) -> bool:
        return bool(await self._pool.fetchval("SELECT 1") == 1)

    @property
    def alive(self) -> bool:
        """Whether the queues were looked at lately: a poll that fails for long shows here."""
        now = asyncio.get_running_loop().time()
        return bool(self._tasks) and now - self._looked_at < 3 * self._poll_seconds + 1

    def feed(self, queue: str) -> Queue:
        """Return the one place in this process where a queue's workers wait."""
        if queue not in self._queues:
            self._queues[queue] = Queue(self, queue, self.wake(queue))
        return self._queues[queue]

    def wake(self, queue: str) -> Wake:
        """Return what is set when `queue` may have something; from now on it is looked at."""
        return self._wakes.setdefault(queue, Wake())

    # Deliveries -------------------------------------------------------------------------------

    async def claim(
        self, queue: str, limit: int, *, delivery_limit: int | None = None
    ) -> list[Held]:
        """Take up to `limit` deliveries; they are renewed until they are settled."""
        claimed = await store.claim(
            self._pool,
            queue,
            limit=limit,
            lease=uuid4(),
            seconds=self._lease_seconds,
            delivery_limit=delivery_limit or self._delivery_limit,
        )
        self._held.update((one.seq, one) for one in claimed)
        return [Held(self, one) for one in claimed]

    async def turn(self, queue: str, done: Sequence[Held], limit: int) -> list[Held]:
        """Settle deliveries as handled and take up to `limit` others, at once and together."""
        handled = [one.claimed for one in done]
        if not limit:
            await self.complete(handled)
            return []
        kept, claimed = await store.turn(
            self._pool,
            queue,
            done=handled,
            limit=limit,
            lease=uuid4(),
            seconds=self._lease_seconds,
            delivery_limit=self._delivery_limit,
        )
        self._tell_of_lost(handled, kept)
        self._held.update((one.seq, one) for one in claimed)
        return [Held(self, one) for one in claimed]

    async def completed(self, held: Held) -> None:
        """Settle one delivery as handled: with the next turn of its queue, where it has workers."""
        self._let_go([held.claimed])
        if feed := self._queues.get(held.queue):
            await feed.complete(held)
        else:
            await self.complete([held.claimed])

    async def complete(self, claimed: Sequence[store.Claimed]) -> None:
        """Settle deliveries as handled."""
        self._let_go(claimed)
        self._tell_of_lost(claimed, await store.complete(self._pool, claimed))

    async def retry(self, claimed: store.Claimed, delay: float) -> None:
        self._let_go([claimed])
        await store.retry(self._pool, claimed.seq, claimed.lease, delay)
        self.wake(claimed.queue).within(delay)

    async def bury(self, claimed: store.Claimed, reason: str, description: str) -> None:
        self._let_go([claimed])
        await store.bury(self._pool, claimed.seq, claimed.lease, reason, description)

    async def release(self, claimed: Sequence[store.Claimed], seconds: float = 0.0) -> None:
        """Give deliveries of one claim back, to be taken in `seconds`."""
        self._let_go(claimed)
        await store.release(self._pool, [one.seq for one in claimed], claimed[0].lease, seconds)
        self.wake(claimed[0].queue).within(seconds)

    def _let_go(self, claimed: Sequence[store.Claimed]) -> None:
        """Stop renewing. If settling fails after this, the lease runs out and it comes again."""
        for one in claimed:
            self._held.pop(one.seq, None)

    def _tell_of_lost(self, done: Sequence[store.Claimed], kept: set[int]) -> None:
        for one in done:
            if one.seq not in kept:
                logger.warning("a lease had run out: it is delivered twice", queue=one.queue)

    # Wake-ups and leases ----------------------------------------------------------------------

    def _notified(self, queue: str) -> None:
        """Take a notification; the empty one says that some may have been missed."""
        for name in (queue,) if queue else tuple(self._wakes):
            if name in self._wakes:
                self._wakes[name].set()

    async def _look(self) -> None:
        if self._wakes:
            for queue, seconds in (await store.due(self._pool, list(self._wakes))).items():
                if seconds < self._poll_seconds:
                    self._wakes[queue].within(seconds)
        self._looked_at = asyncio.get_running_loop().time()

    async def _renew(self) -> None:
        held = list(self._held.values())
        if not held:
            return
        kept = await store.renew(self._pool, held, self._lease_seconds)
        for claimed in held:
            if claimed.seq not in kept and claimed.seq in self._held:
                del self._held[claimed.seq]
                logger.warning("a lease was lost", queue=claimed.queue)
