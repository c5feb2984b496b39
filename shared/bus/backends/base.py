"""What the facade needs from whatever carries the events."""

from __future__ import annotations

from typing import Any, Protocol

from shared.bus.dispatch import Route


class Backend(Protocol):
    """A way to receive events. Publishing is always a row in the caller's transaction."""

    @property
    def kind(self) -> str:
        """How `bus.backend` names it: `postgresql`, `rabbitmq` or `servicebus`."""
        ...

    @property
    def broker(self) -> Any:  # noqa: ANN401 - FastStream's brokers share only a private base class
        ...

    def subscribe(self, route: Route) -> None: ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def ping(self, seconds: float) -> bool: ...

    def consuming(self) -> bool: ...

    def outbox_queues(self) -> list[str]:
        """Return the queues in the database whose oldest message tells how far behind we are."""
        ...
