"""Emptying a RabbitMQ that is being left: its messages are read, and let go of when told."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import orjson
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage
from aio_pika.exceptions import ChannelNotFoundEntity

from shared.bus import amqp
from shared.bus.retry import Dead
from shared.bus.waiting import Waiting
from shared.errors import SettingsError


class RabbitDrain:
    """Implements `Drain`: nothing that was read is acknowledged before `settle`."""

    def __init__(
        self,
        connection: AbstractConnection,
        channel: AbstractChannel,
        queues: Mapping[str, str],
    ) -> None:
        self._connection = connection
        self._channel = channel
        self._queues = queues
        self._taken: list[AbstractIncomingMessage] = []

    async def messages(self) -> AsyncIterator[Waiting]:
        """Yield what waits. Raises `SettingsError` while a service still consumes there."""
        for queue, wire_type in self._queues.items():
            for name in amqp.arguments(queue):
                async for message in self._empty(name):
                    yield _waiting(queue, name, wire_type, message)

    async def settle(self) -> None:
        """Let the old broker forget what was taken along."""
        for message in self._taken:
            await message.ack()

    async def _empty(self, name: str) -> AsyncIterator[AbstractIncomingMessage]:
        consumers = await self._consumers(name)
        if consumers is None:
            return
        if consumers:
            raise SettingsError(
                f"{consumers} consumers still read {name} on the RabbitMQ that is being left."
                " Stop the services, run certifyclouds migrate again, then start them."
            )
        queue = await self._channel.get_queue(name, ensure=False)
        while message := await queue.get(fail=False):
            self._taken.append(message)
            yield message

    async def _consumers(self, name: str) -> int | None:
        """Count a queue's consumers, None when the old topology did not have the queue.

        Asked on a channel of its own: the answer "not found" closes the channel, and the one that
        holds the unacknowledged messages must stay.
        """
        try:
            async with self._connection.channel() as channel:
                queue = await channel.declare_queue(name, durable=True, passive=True)
                return queue.declaration_result.consumer_count or 0
        except ChannelNotFoundEntity:
            return None


@asynccontextmanager
async def draining(url: str, queues: Mapping[str, str]) -> AsyncIterator[RabbitDrain]:
    """Open the broker that is being left."""
    async with amqp.connected(url) as connection:
        yield RabbitDrain(connection, await connection.channel(), queues)


def _waiting(
    queue: str, found_in: str, wire_type: str, message: AbstractIncomingMessage
) -> Waiting:
    headers = amqp.own_headers(message.headers)
    dead = None
    if found_in == amqp.dead_queue(queue):
        dead = Dead(
            str(message.headers.get(amqp.REASON, "delivery_limit")),
            str(message.headers.get(amqp.DESCRIPTION, "")),
        )
    event_id = uuid4()
    with contextlib.suppress(ValueError):
        event_id = UUID(headers.get("ce-id", ""))
    return Waiting(
        queue=queue,
        message_id=event_id,
        type=headers.get("ce-type", wire_type),
        headers=orjson.dumps(headers).decode(),
        body=message.body,
        attempt=amqp.attempt_of(message.headers),
        delay_seconds=_delay(message),
        dead=dead,
    )


def _delay(message: AbstractIncomingMessage) -> float:
    """Return what a message in a retry queue had to wait, in seconds; at least its rest of it."""
    expiration = message.expiration
    return float(expiration) if isinstance(expiration, (int, float)) else 0.0
