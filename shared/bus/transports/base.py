"""The small seam between the generic broker and whatever carries the messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Inbound(Protocol):
    """A delivered message and the four ways to settle it; exactly one of them is called."""

    @property
    def queue(self) -> str: ...

    @property
    def attempt(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, object]: ...

    @property
    def body(self) -> bytes: ...

    async def complete(self) -> None:
        """Say that it was handled."""

    async def retry(self, delay: float) -> None:
        """Deliver it again in `delay` seconds, with the next attempt's number."""

    async def bury(self, reason: str, description: str) -> None:
        """Lay it aside as a dead letter, with its body."""

    async def release(self) -> None:
        """Give it back as if it had never been delivered."""


class Feed(Protocol):
    """What one worker receives from; it may be cancelled while it waits."""

    async def next(self) -> Inbound: ...


class Transport(Protocol):
    """A carrier of messages. Leases are renewed by it while a message is being handled."""

    @property
    def protocol(self) -> str: ...

    @property
    def url(self) -> str:
        """Where it is, without credentials."""
        ...

    async def open(self) -> None: ...

    async def close(self) -> None:
        """Give back what was taken and not begun, and let go of everything."""

    async def ping(self) -> bool: ...

    def feed(self, queue: str) -> Feed: ...
