"""One worker's receiver: it hands out one delivery at a time, and leaves nothing locked behind."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime

from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusReceiver

from shared.bus.broker.servicebus.address import Address
from shared.bus.broker.servicebus.broker.config import Timing
from shared.bus.broker.servicebus.client import Connection, Sender, closed
from shared.bus.broker.servicebus.delivery import Delivery, Particulars, Tell
from shared.bus.broker.servicebus.envelope import Envelope, read
from shared.clock import utc_now


class ReceiverLink:
    """Implements `Link` for one message of a receiver."""

    def __init__(
        self, receiver: ServiceBusReceiver, message: ServiceBusReceivedMessage, sender: Sender
    ) -> None:
        self._receiver = receiver
        self._message = message
        self._sender = sender

    async def complete(self) -> None:
        await self._receiver.complete_message(self._message)

    async def abandon(self) -> None:
        await self._receiver.abandon_message(self._message)

    async def dead_letter(self, reason: str, description: str) -> None:
        await self._receiver.dead_letter_message(
            self._message, reason=reason, error_description=description
        )

    async def renew(self) -> datetime:
        return await self._receiver.renew_message_lock(self._message)

    async def send(self, envelope: Envelope) -> None:
        await self._sender.send(envelope)


class Receiver:
    """Receives from one address, for one task."""

    def __init__(
        self,
        connection: Connection,
        address: Address,
        tell: Tell,
        timing: Timing,
        *,
        prefetch: int = 0,
    ) -> None:
        self._native = connection.receiver(address, prefetch=prefetch)
        self._sender = connection.sender(address.entity)
        self._address = address
        self._tell = tell
        self._timing = timing
        self._handed: list[Delivery] = []

    async def open(self) -> None:
        """Connect, sign in and attach. Raises the client's errors, or `TimeoutError`."""
        async with asyncio.timeout(self._timing.open):
            await self._native.__aenter__()

    async def next(self, seconds: float | None = None) -> Delivery | None:
        """Wait a while for a message.

        Raises the client's errors, and `TimeoutError` where the client does not return: the
        receiver is then of no use any more.
        """
        wait = self._timing.poll if seconds is None else seconds
        async with asyncio.timeout(wait + self._timing.stall):
            got = await self._native.receive_messages(max_message_count=1, max_wait_time=wait)
        return self._delivery(got[0]) if got else None

    async def close(self) -> None:
        """Give back what was handed out and not settled, then what the client has prefetched."""
        for delivery in self._open_ones():
            with suppress(Exception):
                await delivery.release()
        await closed(self._native)

    def _delivery(self, message: ServiceBusReceivedMessage) -> Delivery:
        particulars = Particulars(
            locked_until=message.locked_until_utc,
            delivery_count=message.delivery_count or 0,
            sequence_number=message.sequence_number,
            enqueued_at=message.enqueued_time_utc,
            dead_letter_reason=message.dead_letter_reason,
            dead_letter_description=message.dead_letter_error_description,
            dead_letter_source=message.dead_letter_source,
        )
        link = ReceiverLink(self._native, message, self._sender)
        delivery = Delivery(read(message), self._address, link, self._tell, particulars)
        self._handed = [*self._open_ones(), delivery]
        return delivery

    def _open_ones(self) -> list[Delivery]:
        """Return the deliveries that are still locked for us."""
        return [one for one in self._handed if one.locked_at(utc_now())]
