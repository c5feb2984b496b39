"""The operator's view of Service Bus, with the outbox in the database beside it.

Dead letters from before the change to Service Bus lie in the database; both are shown as one.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Final
from uuid import NAMESPACE_OID, UUID, uuid4, uuid5

from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusReceiver
from azure.servicebus.management import QueueRuntimeProperties

from shared.bus import amqp, topology
from shared.bus.broker.servicebus.address import Address
from shared.bus.broker.servicebus.client import Connection, closed
from shared.bus.broker.servicebus.envelope import Envelope, read
from shared.bus.ops import LIST_LIMIT, DeadLetter, Depth, PostgresOperator
from shared.bus.relay import QUEUE
from shared.bus.servicebus.namespace import Namespace
from shared.errors import TransientError

MOST_LOOKED_AT: Final = 10_000
_AT_ONCE: Final = 50
_SECONDS: Final = 2.0
# Why Service Bus itself lays a message aside (Azure Service Bus, "dead-letter queues").
_BY_BROKER: Final = {
    "MaxDeliveryCountExceeded": (
        "delivery_limit",
        "It was handed out too often and never settled; its consumer may die of it.",
    ),
    "TTLExpiredException": ("expired", "It waited longer than the queue keeps messages."),
}


class ServiceBusOperator:
    """Implements `Operator` on a Service Bus namespace over short connections of its own."""

    def __init__(self, url: str, outbox: PostgresOperator) -> None:
        self._namespace = Namespace.of(url)
        self._outbox = outbox

    async def depths(self) -> list[Depth]:
        """Return every queue's depth. What a consumer has locked counts as ready there."""
        stored = {depth.queue: depth for depth in await self._outbox.depths()}
        async with self._namespace.administered() as client:
            found = {one.name: one async for one in client.list_queues_runtime_properties()}
        missing = sorted(topology.queues().keys() - found.keys())
        if missing:
            raise TransientError(
                f"{missing[0]} is missing on Service Bus; run certifyclouds migrate with this"
                " BUS_URL."
            )
        own = [_depth(found[name], stored.pop(name, None)) for name in sorted(topology.queues())]
        return [*own, *(left for left in stored.values() if left.queue == QUEUE or left.dead)]

    async def dead_letters(
        self, queue: str | None = None, *, limit: int = LIST_LIMIT
    ) -> list[DeadLetter]:
        letters = await self._outbox.dead_letters(queue, limit=limit)
        names = [queue] if queue else await self._with_dead_letters()
        async with self._namespace.connected() as connection:
            for name in names:
                receiver = _dead(connection, name)
                async for message in _peeked(receiver, limit - len(letters)):
                    letters.append(_letter(name, message))
                await closed(receiver)
        return letters

    async def dead_letter(self, queue: str, letter_id: UUID) -> DeadLetter | None:
        if letter := await self._outbox.dead_letter(queue, letter_id):
            return letter
        async with self._namespace.connected() as connection:
            receiver = _dead(connection, queue)
            try:
                async for message in _peeked(receiver, MOST_LOOKED_AT):
                    if _letter_id(message) == letter_id:
                        return _letter(queue, message)
            finally:
                await closed(receiver)
        return None

    async def replay(self, queue: str, letter_id: UUID | None = None) -> int:
        count = 0
        async with self._namespace.connected() as connection:
            receiver, sender = _dead(connection, queue), connection.sender(queue)
            async for message in _taken(receiver, letter_id):
                await sender.send(_as_new(read(message)))
                await receiver.complete_message(message)
                count += 1
            await closed(receiver)
        # Last: what it puts back may fail and be here again before this pass has ended.
        return count + await self._outbox.replay(queue, letter_id)

    async def purge(self, queue: str, letter_id: UUID | None = None) -> int:
        count = await self._outbox.purge(queue, letter_id)
        async with self._namespace.connected() as connection:
            receiver = _dead(connection, queue)
            async for message in _taken(receiver, letter_id):
                await receiver.complete_message(message)
                count += 1
            await closed(receiver)
        return count

    async def _with_dead_letters(self) -> list[str]:
        """Return the queues that have any: to look into one costs a connection."""
        return [
            depth.queue for depth in await self.depths() if depth.dead and depth.queue != "relay"
        ]


def _depth(found: QueueRuntimeProperties, stored: Depth | None) -> Depth:
    """Count what waits, with what is `stored` in the database: dead letters, and who is here.

    The namespace tells neither who receives from a queue nor how old its messages are.
    """
    return Depth(
        queue=found.name,
        ready=found.active_message_count or 0,
        delayed=found.scheduled_message_count or 0,
        in_flight=None,
        dead=(found.dead_letter_message_count or 0) + (stored.dead if stored else 0),
        consumers=stored.consumers if stored else None,
    )


def _dead(connection: Connection, queue: str) -> ServiceBusReceiver:
    return connection.receiver(Address(queue, sub_queue="deadletter"))


async def _peeked(
    receiver: ServiceBusReceiver, limit: int
) -> AsyncIterator[ServiceBusReceivedMessage]:
    """Yield dead letters without taking them, at most `limit`."""
    begin = 0
    while limit > 0:
        found = await receiver.peek_messages(min(limit, _AT_ONCE), sequence_number=begin)
        if not found:
            return
        for message in found:
            yield message
        limit -= len(found)
        begin = (found[-1].sequence_number or 0) + 1


async def _taken(
    receiver: ServiceBusReceiver, letter_id: UUID | None
) -> AsyncIterator[ServiceBusReceivedMessage]:
    """Go once through the dead letters that are there now, and yield those that were asked for.

    One that is replayed may fail and be back at once, and is left for the next time. What is not
    completed is given back.
    """
    wanted = {
        message.sequence_number
        async for message in _peeked(receiver, MOST_LOOKED_AT)
        if letter_id in {None, _letter_id(message)}
    }
    others: list[ServiceBusReceivedMessage] = []
    try:
        while wanted and (found := await receiver.receive_messages(1, max_wait_time=_SECONDS)):
            (message,) = found
            if message.sequence_number in wanted:
                wanted.remove(message.sequence_number)
                yield message
            else:
                others.append(message)
    finally:
        for message in others:
            await receiver.abandon_message(message)


def _as_new(envelope: Envelope) -> Envelope:
    """Return a dead letter as a first try.

    Its id is another one each time: duplicate detection would drop one that the queue has seen.
    """
    return Envelope(
        body=envelope.body,
        headers=amqp.own_headers(envelope.headers),
        message_id=f"{_event_id(envelope)}:{uuid4()}",
        correlation_id=envelope.correlation_id,
        content_type=envelope.content_type,
        subject=envelope.subject,
    )


def _letter(queue: str, message: ServiceBusReceivedMessage) -> DeadLetter:
    envelope = read(message)
    said = str(message.dead_letter_reason or "")
    reason, description = _BY_BROKER.get(
        said, (said, str(message.dead_letter_error_description or ""))
    )
    return DeadLetter(
        queue=queue,
        id=_letter_id(message),
        message_id=_event_id(envelope),
        type=str(envelope.headers.get("ce-type", "")),
        headers={
            name: value
            for name, value in amqp.own_headers(envelope.headers).items()
            if not name.startswith("DeadLetter")
        },
        body=envelope.body,
        attempts=envelope.attempt + (said not in _BY_BROKER),
        reason=reason,
        description=description,
        dead_at=message.enqueued_time_utc,
    )


def _event_id(envelope: Envelope) -> UUID | None:
    with contextlib.suppress(ValueError):
        return UUID(str(envelope.headers.get("ce-id")))
    return None


def _letter_id(message: ServiceBusReceivedMessage) -> UUID:
    """Return the event's id, or else one made from what was received: the same at every look."""
    envelope = read(message)
    received = f"{envelope.headers.get('ce-id')!r}:{sha256(envelope.body).hexdigest()}"
    return _event_id(envelope) or uuid5(NAMESPACE_OID, received)
