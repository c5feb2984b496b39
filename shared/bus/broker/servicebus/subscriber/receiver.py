"""One worker's receiver: it hands out one delivery at a time, and leaves nothing locked behind."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import TypeVar

from azure.servicebus import ServiceBusReceivedMessage

from shared.bus.broker.servicebus.address import Address
from shared.bus.broker.servicebus.broker.config import Timing
from shared.bus.broker.servicebus.client import Connection, closed
from shared.bus.broker.servicebus.delivery import Delivery, Particulars, Tell
from shared.bus.broker.servicebus.envelope import Envelope, read
from shared.clock import utc_now

T = TypeVar("T")


class ReceiverLink:
    """Implements `Link` for one message of a receiver.

    The client waits for an answer that was lost for minutes, and all that time the worker would do
    nothing: here the wait is shorter, and the receiver is not used again.
    """

    def __init__(self, receiver: Receiver, message: ServiceBusReceivedMessage) -> None:
        self._receiver = receiver
        self._message = message

    async def complete(self) -> None:
        await self._answered(self._receiver.native.complete_message(self._message))

    async def abandon(self) -> None:
        await self._answered(self._receiver.native.abandon_message(self._message))

    async def dead_letter(self, reason: str, description: str) -> None:
        call = self._receiver.native.dead_letter_message(
            self._message, reason=reason, error_description=description
        )
        await self._answered(call)

    async def renew(self) -> datetime:
        return await self._answered(self._receiver.native.renew_message_lock(self._message))

    async def send(self, envelope: Envelope) -> None:
        await self._receiver.sender.send(envelope)

    async def _answered(self, call: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(self._receiver.timing.settle):
                return await call
        except BaseException as error:
            if isinstance(error, (TimeoutError, asyncio.CancelledError)):
                self._receiver.spoiled = True
            raise


class Receiver:
    """Receives from one address, for one task. One that is `spoiled` is only to be closed."""

    def __init__(
        self,
        connection: Connection,
        address: Address,
        tell: Tell,
        timing: Timing,
        *,
        prefetch: int = 0,
    ) -> None:
        self.native = connection.receiver(address, prefetch=prefetch)
        self.sender = connection.sender(address.entity)
        self._address = address
        self._tell = tell
        self.timing = timing
        self.spoiled = False
        self._handed: list[Delivery] = []

    async def open(self) -> None:
        """Connect, sign in and attach. Raises the client's errors, or `TimeoutError`."""
        async with asyncio.timeout(self.timing.open):
            await self.native.__aenter__()

    async def next(self, seconds: float | None = None) -> Delivery | None:
        """Wait a while for a message.

        Raises the client's errors, and `TimeoutError` where the client does not return: the
        receiver is then of no use any more.
        """
        wait = self.timing.poll if seconds is None else seconds
        async with asyncio.timeout(wait + self.timing.stall):
            got = await self.native.receive_messages(max_message_count=1, max_wait_time=wait)
        return self._delivery(got[0]) if got else None

    async def close(self) -> None:
        """Give back what was handed out and not settled, then what the client has prefetched."""
        for delivery in () if self.spoiled else self._open_ones():
            with suppress(Exception):
                await delivery.release()
        await closed(self.native)

    def _delivery(self, message: ServiceBusReceivedMessage) -> Delivery:
        delivery = Delivery(
            read(message),
            self._address,
            ReceiverLink(self, message),
            self._tell,
            locked_until=message.locked_until_utc,
            particulars=partial(particulars, message),
        )
        self._handed = [*self._open_ones(), delivery]
        return delivery

    def _open_ones(self) -> list[Delivery]:
        """Return the deliveries that are still locked for us."""
        return [one for one in self._handed if one.locked_at(utc_now())]


def particulars(message: ServiceBusReceivedMessage) -> Particulars:
    """Return what the client knows of a delivery."""
    return Particulars(
        delivery_count=message.delivery_count or 0,
        sequence_number=message.sequence_number,
        enqueued_at=message.enqueued_time_utc,
        dead_letter_reason=message.dead_letter_reason,
        dead_letter_description=message.dead_letter_error_description,
        dead_letter_source=message.dead_letter_source,
    )
