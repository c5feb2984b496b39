"""What waits on a bus that is being left, and what empties it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from shared.bus.retry import Dead


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One message that waited on the old broker, and where it belongs."""

    queue: str
    message_id: UUID
    type: str
    headers: str
    body: bytes
    attempt: int
    delay_seconds: float
    dead: Dead | None


class Drain(Protocol):
    """Reads everything that waits on the old bus; nothing is gone from there before `settle`."""

    def messages(self) -> AsyncIterator[Waiting]:
        """Yield what waits. Raises `SettingsError` while a service still consumes there."""
        ...

    async def settle(self) -> None:
        """Let the old bus forget what was taken along."""
        ...
