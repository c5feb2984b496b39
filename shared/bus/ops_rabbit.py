"""The operator's view of RabbitMQ, with the outbox in the database beside it.

Dead letters from before the change to RabbitMQ lie in the database; both are shown as one.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from hashlib import sha256
from uuid import NAMESPACE_OID, UUID, uuid5

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from aio_pika.exceptions import AMQPError, ChannelNotFoundEntity

from shared.bus import amqp, topology
from shared.bus.ops import LIST_LIMIT, DeadLetter, Depth, PostgresOperator
from shared.bus.relay import QUEUE
from shared.errors import TransientError


class RabbitOperator:
    """Implements `Operator` on RabbitMQ over short connections of its own."""

    def __init__(self, url: str, outbox: PostgresOperator) -> None:
        self._url = url
        self._outbox = outbox

    async def depths(self) -> list[Depth]:
        stored = {depth.queue: depth for depth in await self._outbox.depths()}
        async with self._channel() as channel:
            own = [
                await _depth(channel, queue, stored.pop(queue, None))
                for queue in sorted(topology.queues())
            ]
        return [*own, *(left for left in stored.values() if left.queue == QUEUE or left.dead)]

    async def dead_letters(
        self, queue: str | None = None, *, limit: int = LIST_LIMIT
    ) -> list[DeadLetter]:
        letters = await self._outbox.dead_letters(queue, limit=limit)
        async with self._channel() as channel:
            for name in [queue] if queue else sorted(topology.queues()):
                # Closing the channel puts back what was only looked at.
                async for message in _dead(channel, name):
                    if len(letters) >= limit:
                        return letters
                    letters.append(_letter(name, message))
        return letters

    async def dead_letter(self, queue: str, letter_id: UUID) -> DeadLetter | None:
        if letter := await self._outbox.dead_letter(queue, letter_id):
            return letter
        async with self._channel() as channel:
            async for message in _dead(channel, queue):
                if _letter_id(message) == letter_id:
                    return _letter(queue, message)
        return None

    async def replay(self, queue: str, letter_id: UUID | None = None) -> int:
        count = 0
        async with self._channel() as channel:
            async for message in _dead(channel, queue):
                if letter_id in {None, _letter_id(message)}:
                    await _publish(channel, queue, message)
                    await message.ack()
                    count += 1
        # Last: what it puts back may fail and be here again before this pass has ended.
        return count + await self._outbox.replay(queue, letter_id)

    async def purge(self, queue: str, letter_id: UUID | None = None) -> int:
        count = await self._outbox.purge(queue, letter_id)
        async with self._channel() as channel:
            async for message in _dead(channel, queue):
                if letter_id in {None, _letter_id(message)}:
                    await message.ack()
                    count += 1
        return count

    @asynccontextmanager
    async def _channel(self) -> AsyncIterator[AbstractChannel]:
        """Lend a channel. Raises `TransientError` where the broker refuses or goes away."""
        try:
            async with amqp.connected(self._url) as connection:
                yield await connection.channel(publisher_confirms=True, on_return_raises=True)
        except ChannelNotFoundEntity:
            raise TransientError(
                "A queue is missing on RabbitMQ; run certifyclouds migrate with this BUS_URL."
            ) from None
        except (AMQPError, OSError, TimeoutError) as error:
            raise TransientError(
                f"RabbitMQ did not answer to the end ({type(error).__name__}); look at it and try"
                " again. Nothing is lost."
            ) from None


async def _depth(channel: AbstractChannel, queue: str, stored: Depth | None) -> Depth:
    """Count what waits, with the dead letters that are `stored` in the database.

    RabbitMQ tells a client no age, and nothing about what is in flight. Looking at the oldest
    message would cost it one of its deliveries (`x-delivery-limit`).
    """
    found = {
        name: (await channel.declare_queue(name, durable=True, passive=True)).declaration_result
        for name in (queue, amqp.retry_queue(queue), amqp.dead_queue(queue))
    }
    return Depth(
        queue=queue,
        ready=found[queue].message_count or 0,
        delayed=found[amqp.retry_queue(queue)].message_count or 0,
        in_flight=None,
        dead=(found[amqp.dead_queue(queue)].message_count or 0) + (stored.dead if stored else 0),
        consumers=found[queue].consumer_count,
    )


async def _dead(channel: AbstractChannel, queue: str) -> AsyncIterator[AbstractIncomingMessage]:
    """Go through a queue's dead letters once; each stays unless it is acknowledged."""
    try:
        declared = await channel.declare_queue(amqp.dead_queue(queue), durable=True, passive=True)
    except ChannelNotFoundEntity:
        if queue in topology.queues():
            raise
        return  # a queue of an earlier release: what is left of it is in the database
    for _ in range(declared.declaration_result.message_count or 0):
        message = await declared.get(fail=False)
        if message is None:
            return
        yield message


async def _publish(channel: AbstractChannel, queue: str, message: AbstractIncomingMessage) -> None:
    """Put a dead letter back into its queue as the first try, confirmed."""
    await channel.default_exchange.publish(
        aio_pika.Message(
            message.body,
            headers={**amqp.own_headers(message.headers)},
            content_type=message.content_type,
            message_id=amqp.broker_message_id(_event_id(message), 0),
            correlation_id=message.correlation_id,
            type=message.type,
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        ),
        queue,
        mandatory=True,
        timeout=amqp.CONNECT_SECONDS,
    )


def _letter(queue: str, message: AbstractIncomingMessage) -> DeadLetter:
    headers = message.headers
    dead_at = None
    with contextlib.suppress(ValueError):
        dead_at = datetime.fromisoformat(str(headers.get(amqp.DEAD_AT)))
    by_broker = amqp.REASON not in headers
    return DeadLetter(
        queue=queue,
        id=_letter_id(message),
        message_id=_event_id(message),
        type=str(headers.get("ce-type", "")),
        headers=amqp.own_headers(headers),
        body=message.body,
        attempts=amqp.attempt_of(headers),
        reason="delivery_limit" if by_broker else str(headers[amqp.REASON]),
        description=(
            "It was handed out too often and never settled; its consumer may die of it."
            if by_broker
            else str(headers.get(amqp.DESCRIPTION, ""))
        ),
        dead_at=dead_at,
    )


def _event_id(message: AbstractIncomingMessage) -> UUID | None:
    with contextlib.suppress(ValueError):
        return UUID(str(message.headers.get("ce-id")))
    return None


def _letter_id(message: AbstractIncomingMessage) -> UUID:
    """Return the event's id, or else one made from what was received: the same at every look."""
    received = f"{message.headers.get('ce-id')!r}:{sha256(message.body).hexdigest()}"
    return _event_id(message) or uuid5(NAMESPACE_OID, received)
