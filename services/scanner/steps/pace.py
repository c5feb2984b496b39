"""Waiting for the budget before each request to a vault, and heeding what Azure says to it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from time import monotonic

from services.scanner.domain.budget import (
    DEFAULT_RATE,
    FIRST_BLOCK,
    HOLD_SECONDS,
    Block,
    Bucket,
    Grant,
    Refusals,
    is_good,
    pause_for,
)
from services.scanner.domain.inventory import VaultRef
from services.scanner.ports import Ledger, Quota

Now = Callable[[], float]
Sleep = Callable[[float], Awaitable[object]]


class LocalLedger:
    """Implements `ports.Ledger` for one process alone: a scan without a database."""

    def __init__(self, full_rate: float = DEFAULT_RATE, *, now: Now = monotonic) -> None:
        self._full_rate = full_rate
        self._now = now
        self._buckets: dict[Quota, Bucket] = {}

    async def reserve(self, quota: Quota, places: int) -> Grant:
        now = self._now()
        bucket = self._bucket(quota, now)
        self._buckets[quota], grant = bucket.reserve(self._full_rate, now, places)
        return Grant(grant.begins - now, grant.spacing, grant.places)

    async def slow_down(self, quota: Quota, pause: float) -> None:
        now = self._now()
        bucket = self._bucket(quota, now)
        self._buckets[quota] = bucket.slow_down(self._full_rate, now, pause)

    def _bucket(self, quota: Quota, now: float) -> Bucket:
        return self._buckets.get(quota) or Bucket.full(self._full_rate, now)


@dataclass(slots=True)
class Line:
    """Everybody in this process who wants to use one quota, first come, first served."""

    quota: Quota
    ledger: Ledger
    now: Now
    sleep: Sleep
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _waiting: int = 0
    _block: Block | None = None
    _told_until: float = 0.0
    _slowed: int = 0
    _refusals: Refusals = field(default_factory=Refusals)

    async def take(self) -> None:
        """Wait for a place. A place that could not be used in time is lost, and another taken."""
        self._waiting += 1
        try:
            async with self._turn:
                while not await self._took():
                    pass
        finally:
            self._waiting -= 1

    async def slow_down(self, seconds: float | None) -> None:
        """Heed a reply that asked for it; what was reserved before is not used any more.

        Many replies that say the same at the same time are told to the others once.
        """
        pause, now = pause_for(seconds), self.now()
        until = now + max(pause, HOLD_SECONDS)
        self._block, self._slowed = None, self._slowed + 1
        if until > self._told_until + HOLD_SECONDS / 2:
            self._told_until = until
            await self.ledger.slow_down(self.quota, pause)

    async def refused(self, vault: str, seconds: float | None) -> None:
        """Hear that a vault asked to slow down; heed it if that concerns the others too."""
        if self._refusals.concern_all(vault, self.now()):
            await self.slow_down(seconds)

    async def _took(self) -> bool:
        block = self._block
        moment = block.take(self.now()) if block else None
        if block is None or moment is None:
            slowed = self._slowed
            reserved = await self._reserve(block)
            self._block = reserved if slowed == self._slowed else None
            return False
        if (wait := moment - self.now()) > 0:
            await self.sleep(wait)
        return self._block is block and is_good(moment, self.now())

    async def _reserve(self, last: Block | None) -> Block:
        places = last.following(self._waiting) if last else max(self._waiting, FIRST_BLOCK)
        grant = await self.ledger.reserve(self.quota, places)
        return Block(Grant(self.now() + grant.begins, grant.spacing, grant.places))


@dataclass(frozen=True, slots=True)
class Door:
    """One vault's way into the line. Implements `shared.clouds.Gate`."""

    vault: str
    line: Line

    async def take(self) -> None:
        """Wait for a place."""
        await self.line.take()

    async def slow_down(self, seconds: float | None) -> None:
        """Hear that the vault asked for it; whoever asked the vault waits by itself."""
        await self.line.refused(self.vault, seconds)


@dataclass(slots=True)
class Pacing:
    """One line for each subscription and region, for all vaults that are read there."""

    ledger: Ledger
    now: Now = monotonic
    sleep: Sleep = asyncio.sleep
    _lines: dict[Quota, Line] = field(default_factory=dict)

    def gate(self, vault: VaultRef) -> Door:
        """Return where requests to this vault wait."""
        quota = Quota(vault.subscription_id, vault.region)
        if quota not in self._lines:
            self._lines[quota] = Line(quota, self.ledger, self.now, self.sleep)
        return Door(vault.name, self._lines[quota])
