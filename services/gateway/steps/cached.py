"""An answer that costs something, kept for some seconds and read once for all who ask meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from shared.clock import Clock

T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class Cached(Generic[T]):
    """One reading for all who ask within `fresh_for`; only one reads at a time."""

    read: Callable[[], Awaitable[T]]
    clock: Clock
    fresh_for: timedelta
    _value: T | None = None
    _read_at: datetime | None = None
    _edition: int = 0
    _gate: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def get(self) -> T:
        """Return what was read, at most `fresh_for` ago."""
        async with self._gate:
            if self._value is not None and self._is_fresh():
                return self._value
            edition, began = self._edition, self.clock()
            value = await self.read()
            if edition == self._edition:
                self._value, self._read_at = value, began
            return value

    def invalidate(self) -> None:
        """Forget it; a reading that is under way is not kept either."""
        self._edition += 1
        self._value = None

    def _is_fresh(self) -> bool:
        return self._read_at is not None and self.clock() - self._read_at < self.fresh_for
