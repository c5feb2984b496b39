"""A delivery as FastStream sees it, and the functions that make one."""

from __future__ import annotations

from typing import Any

from faststream.message import StreamMessage
from typing_extensions import TypeVar

from shared.bus.transports.base import Inbound

T = TypeVar("T", bound=Inbound, default=Inbound)


class TransportMessage(StreamMessage[T]):
    """FastStream's three ways to settle, mapped to the transport's."""

    async def ack(self) -> None:
        if self.committed is None:
            await self.raw_message.complete()
        await super().ack()

    async def nack(self, delay: float = 0.0) -> None:
        if self.committed is None:
            await self.raw_message.retry(delay)
        await super().nack()

    async def reject(self, reason: str = "rejected", description: str = "") -> None:
        if self.committed is None:
            await self.raw_message.bury(reason, description)
        await super().reject()


async def parse(delivery: Inbound) -> StreamMessage[Inbound]:
    """Wrap a delivery. Headers are not judged here: a corrupt one must reach the dead letters."""
    return TransportMessage(
        delivery,
        delivery.body,
        headers=dict(delivery.headers),
        message_id=_text(delivery, "ce-id"),
        correlation_id=_text(delivery, "ce-correlationid"),
    )


def _text(delivery: Inbound, name: str) -> str | None:
    return str(delivery.headers.get(name, "")) or None


async def undecoded(message: StreamMessage[Any]) -> StreamMessage[Any]:
    """Give the handler the message itself: the dispatcher reads the body, with all its faults."""
    return message
