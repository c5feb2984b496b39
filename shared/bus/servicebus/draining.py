"""Emptying a Service Bus namespace that is being left: read under locks, let go of when told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import UUID, uuid4

import orjson
from azure.servicebus import ServiceBusMessageState, ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusReceiver
from azure.servicebus.exceptions import ServiceBusError

from shared.bus import amqp
from shared.bus.broker.servicebus.address import Address
from shared.bus.broker.servicebus.client import Connection, closed
from shared.bus.broker.servicebus.envelope import read
from shared.bus.retry import Dead
from shared.bus.servicebus.namespace import Namespace
from shared.bus.waiting import Waiting
from shared.clock import utc_now
from shared.errors import SettingsError
from shared.telemetry import get_logger

_AT_ONCE: Final = 100
_SECONDS: Final = 2.0
_SIDE_BY_SIDE: Final = 8

logger = get_logger(__name__)


@dataclass(slots=True)
class _Found:
    """What lies in a queue or in its dead letters: what can be received, and what is for later."""

    queue: str
    receiver: ServiceBusReceiver
    dead: bool
    ready: set[int] = field(default_factory=set)
    scheduled: list[ServiceBusReceivedMessage] = field(default_factory=list)

    def note(self, message: ServiceBusReceivedMessage) -> None:
        if message.state == ServiceBusMessageState.SCHEDULED:
            self.scheduled.append(message)
        else:
            self.ready.add(message.sequence_number or 0)


class ServiceBusDrain:
    """Implements `Drain`: what is taken stays locked, and is completed by `settle`.

    A lock that ends before then leaves a copy behind, which the inbox of its handler drops.
    """

    def __init__(self, connection: Connection, queues: Iterable[str]) -> None:
        self._connection = connection
        self._queues = list(queues)
        self._turns = asyncio.Semaphore(_SIDE_BY_SIDE)
        self._taken: list[tuple[ServiceBusReceiver, ServiceBusReceivedMessage]] = []
        self._scheduled: list[tuple[str, int]] = []
        self._open: list[ServiceBusReceiver] = []

    async def messages(self) -> AsyncIterator[Waiting]:
        """Yield what waits: in the queues, for its time, and in the dead letters.

        Raises `SettingsError` where a message is locked by a process that ended without a word.
        """
        places = [
            Address(queue, sub_queue=sub_queue)
            for queue in self._queues
            for sub_queue in (None, "deadletter")
        ]
        for found in await asyncio.gather(*map(self._look, places)):
            if found is None:
                continue
            for message in found.scheduled:
                self._scheduled.append((found.queue, message.sequence_number or 0))
                yield _waiting(found.queue, message)
            async for message in self._locked(found):
                yield _waiting(found.queue, message, dead=found.dead)

    async def settle(self) -> None:
        """Let the namespace forget what was taken along."""
        left = 0
        for receiver, message in self._taken:
            try:
                await receiver.complete_message(message)
            except ServiceBusError:
                left += 1
        for queue, number in self._scheduled:
            sender = self._connection.client.get_queue_sender(queue)
            try:
                await sender.cancel_scheduled_messages(number)
            except ServiceBusError:
                left += 1
            await closed(sender)
        if left:
            logger.warning("the old namespace keeps copies of taken events", events=left)

    async def close(self) -> None:
        for receiver in self._open:
            await closed(receiver)

    async def _look(self, address: Address) -> _Found | None:
        """Peek at all that is in a place; None where there is nothing, which costs no waiting."""
        async with self._turns:
            receiver, begin = self._connection.receiver(address), 0
            found = _Found(address.entity, receiver, dead=address.sub_queue is not None)
            while peeked := await receiver.peek_messages(_AT_ONCE, sequence_number=begin):
                begin = (peeked[-1].sequence_number or 0) + 1
                for message in peeked:
                    found.note(message)
            if found.scheduled or found.ready:
                self._open.append(receiver)
                return found
            await closed(receiver)
            return None

    async def _locked(self, found: _Found) -> AsyncIterator[ServiceBusReceivedMessage]:
        while found.ready:
            received = await found.receiver.receive_messages(_AT_ONCE, max_wait_time=_SECONDS)
            if not received:
                raise SettingsError(
                    f"{len(found.ready)} messages of {found.queue} are locked by a process that"
                    " ended without giving them back. Wait a minute, then run certifyclouds migrate"
                    " again."
                )
            for message in received:
                found.ready.discard(message.sequence_number or 0)
                self._taken.append((found.receiver, message))
                yield message


@asynccontextmanager
async def draining(url: str, queues: Iterable[str]) -> AsyncIterator[ServiceBusDrain]:
    """Open the namespace that is being left."""
    async with Namespace.of(url).connected() as connection:
        drain = ServiceBusDrain(connection, queues)
        try:
            yield drain
        finally:
            await drain.close()


def _waiting(queue: str, message: ServiceBusReceivedMessage, *, dead: bool = False) -> Waiting:
    envelope = read(message)
    headers = amqp.own_headers(envelope.headers)
    event_id = uuid4()
    with contextlib.suppress(ValueError):
        event_id = UUID(headers.get("ce-id", ""))
    due = message.scheduled_enqueue_time_utc
    wait = max(due - utc_now(), timedelta()) if due else timedelta()
    return Waiting(
        queue=queue,
        message_id=event_id,
        type=headers.get("ce-type", envelope.subject or ""),
        headers=orjson.dumps(headers).decode(),
        body=envelope.body,
        attempt=envelope.attempt,
        delay_seconds=wait.total_seconds(),
        dead=_why(message) if dead else None,
    )


def _why(message: ServiceBusReceivedMessage) -> Dead:
    return Dead(
        str(message.dead_letter_reason or "delivery_limit"),
        str(message.dead_letter_error_description or ""),
    )
