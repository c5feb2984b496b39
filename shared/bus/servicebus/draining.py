"""Emptying a Service Bus namespace that is being left: read under locks, let go of when told."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
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
from shared.telemetry import get_logger

_AT_ONCE: Final = 100
_SECONDS: Final = 2.0

logger = get_logger(__name__)


class ServiceBusDrain:
    """Implements `Drain`: what is taken stays locked, and is completed by `settle`.

    A lock that ends before then leaves a copy behind, which the inbox of its handler drops.
    """

    def __init__(self, connection: Connection, queues: Iterable[str]) -> None:
        self._connection = connection
        self._queues = list(queues)
        self._taken: list[tuple[ServiceBusReceiver, ServiceBusReceivedMessage]] = []
        self._scheduled: list[tuple[str, int]] = []
        self._open: list[ServiceBusReceiver] = []

    async def messages(self) -> AsyncIterator[Waiting]:
        """Yield what waits: in the queues, for its time, and in the dead letters."""
        for queue in self._queues:
            async for message in self._locked(Address(queue)):
                yield _waiting(queue, message)
            async for message in self._for_later(queue):
                yield _waiting(queue, message)
            async for message in self._locked(Address(queue, sub_queue="deadletter")):
                yield _waiting(queue, message, dead=True)

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

    async def _locked(self, address: Address) -> AsyncIterator[ServiceBusReceivedMessage]:
        receiver = self._connection.receiver(address)
        self._open.append(receiver)
        while found := await receiver.receive_messages(_AT_ONCE, max_wait_time=_SECONDS):
            for message in found:
                self._taken.append((receiver, message))
                yield message

    async def _for_later(self, queue: str) -> AsyncIterator[ServiceBusReceivedMessage]:
        receiver, begin = self._connection.receiver(Address(queue)), 0
        self._open.append(receiver)
        while found := await receiver.peek_messages(_AT_ONCE, sequence_number=begin):
            begin = (found[-1].sequence_number or 0) + 1
            for message in found:
                if message.state == ServiceBusMessageState.SCHEDULED:
                    self._scheduled.append((queue, message.sequence_number or 0))
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
