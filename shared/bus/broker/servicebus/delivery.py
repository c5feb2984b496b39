"""A locked message: how it is settled, and how its lock is renewed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final, Protocol
from uuid import uuid4

from azure.servicebus.exceptions import MessageAlreadySettled, MessageLockLostError
from faststream.exceptions import FeatureNotSupportedException

from shared.bus.broker.servicebus.address import Address
from shared.bus.broker.servicebus.envelope import Envelope
from shared.clock import utc_now

# The API reference of Azure.Messaging.ServiceBus, DeadLetterMessageAsync: both at most 4096.
LONGEST_REASON: Final = 4096


class Tell(Protocol):
    """Says what went wrong, where the operator looks."""

    def __call__(self, what: str, error: BaseException | None = None) -> None: ...


class Link(Protocol):
    """What a delivery is settled through; each call is confirmed by Service Bus when it returns."""

    async def complete(self) -> None: ...

    async def abandon(self) -> None: ...

    async def dead_letter(self, reason: str, description: str) -> None: ...

    async def renew(self) -> datetime: ...

    async def send(self, envelope: Envelope) -> None:
        """Send to the queue that the delivery came from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Particulars:
    """What Service Bus says of one delivery, beside what its sender said."""

    delivery_count: int = 0
    sequence_number: int | None = None
    enqueued_at: datetime | None = None
    dead_letter_reason: str | None = None
    dead_letter_description: str | None = None
    dead_letter_source: str | None = None


class Delivery:
    """Implements `Inbound`: a message under a lock, which ends with exactly one settlement.

    Settling and renewing go through one receiver, one after the other: the client is not made for
    two at once. A lock that is lost is told and settles nothing; Service Bus delivers again.
    """

    def __init__(
        self,
        envelope: Envelope,
        address: Address,
        link: Link,
        tell: Tell,
        *,
        locked_until: datetime | None = None,
        particulars: Callable[[], Particulars] = Particulars,
    ) -> None:
        self.envelope = envelope
        self.address = address
        self.locked_until = locked_until
        self.lock_lost = asyncio.Event()
        self._link = link
        self._tell = tell
        self._particulars = particulars
        self.settled = False
        self._turn = asyncio.Lock()

    @cached_property
    def particulars(self) -> Particulars:
        """What Service Bus says of it; the client looks it up, and few handlers ask."""
        return self._particulars()

    @property
    def queue(self) -> str:
        return self.address.path

    @property
    def attempt(self) -> int:
        return self.envelope.attempt

    @property
    def headers(self) -> Mapping[str, Any]:
        return self.envelope.headers

    @property
    def body(self) -> bytes:
        return self.envelope.body

    def locked_at(self, now: datetime) -> bool:
        """Whether it is neither settled nor lost, as far as is known here."""
        ended = self.settled or self.lock_lost.is_set()
        return not ended and (self.locked_until is None or self.locked_until > now)

    async def complete(self) -> None:
        """Say that it was handled."""
        async with self._turn:
            await self._settle("complete")

    async def release(self) -> None:
        """Give it back; Service Bus counts the delivery and delivers again at once."""
        async with self._turn:
            await self._settle("abandon")

    async def bury(self, reason: str, description: str) -> None:
        """Move it to the dead-letter queue; longer texts are cut to what Service Bus takes."""
        async with self._turn:
            await self._settle("dead_letter", reason[:LONGEST_REASON], description[:LONGEST_REASON])

    async def retry(self, delay: float) -> None:
        """Schedule a copy in `delay` seconds and complete this one.

        Service Bus cannot hold an abandoned message back. The copy comes first: a crash in between
        delivers twice and loses nothing. It goes to the consumer's own queue only, because a topic
        would hand it to every subscription. Raises `FeatureNotSupportedException` where there is no
        such queue; the message then returns when its lock ends.
        """
        if not self.address.takes_copies:
            raise FeatureNotSupportedException(
                f"{self.queue} takes no copy that waits. Let the subscription forward to a queue"
                " and consume that, or nack without a delay."
            )
        copy = self.envelope.again(utc_now() + timedelta(seconds=delay), str(uuid4()))
        async with self._turn:
            if self._may_settle():
                await self._link.send(copy)
                await self._settle("complete")

    @property
    def kept(self) -> bool:
        """Whether there is a lock of ours to renew: neither settled nor known to be lost."""
        return bool(self.locked_until) and not self.settled and not self.lock_lost.is_set()

    async def renew(self) -> None:
        """Renew the lock. It raises nothing: a failure is told, and a lost lock is noted."""
        async with self._turn:
            if self.kept:
                await self._renew()

    async def _renew(self) -> None:
        try:
            self.locked_until = await self._link.renew()
        except (MessageLockLostError, MessageAlreadySettled) as error:
            self._lose(error)
        except Exception as error:  # noqa: BLE001 - told, and tried again while the lock lasts
            if self.locked_until and self.locked_until <= utc_now():
                self._lose(error)
            else:
                self._tell(f"the lock of {self._name} could not be renewed yet", error)

    async def _settle(self, how: str, *details: str) -> None:
        if not self._may_settle():
            return
        try:
            await getattr(self._link, how)(*details)
        except (MessageLockLostError, MessageAlreadySettled) as error:
            self._lose(error)
        else:
            self.settled = True

    def _may_settle(self) -> bool:
        if self.lock_lost.is_set():
            self._tell(f"{self._name} is not settled, its lock was lost: it is delivered again")
        return not self.lock_lost.is_set() and not self.settled

    def _lose(self, error: BaseException) -> None:
        self.lock_lost.set()
        self._tell(f"the lock of {self._name} was lost: it is delivered again", error)

    @property
    def _name(self) -> str:
        return f"message {self.envelope.message_id} of {self.queue}"
