"""The shape of the bus on RabbitMQ: names, queues and their arguments, and how headers travel.

Each subscription has three durable quorum queues: its own; `.retry`, where a message waits for its
next try and then expires back into the first; and `.dlq`. A delay is a lower bound: RabbitMQ lets
messages expire at a queue's head only, so a short wait stands behind a longer one that came first.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection

from shared.bus_url import address_of
from shared.errors import SettingsError, TransientError

EXCHANGE: Final = "certifyclouds.events"
DELIVERY_LIMIT: Final = 20
NO_LIMIT: Final = 1_000_000_000
CONNECT_SECONDS: Final = 10.0
ATTEMPT: Final = "x-attempt"
REASON: Final = "x-reason"
DESCRIPTION: Final = "x-description"
DEAD_AT: Final = "x-dead-at"


def retry_queue(queue: str) -> str:
    return f"{queue}.retry"


def dead_queue(queue: str) -> str:
    return f"{queue}.dlq"


def broker_message_id(event_id: object, attempt: int) -> str:
    """Return the broker's id of one try, so that duplicate detection never swallows a retry."""
    return f"{event_id}:{attempt}"


def attempt_of(headers: Mapping[str, object]) -> int:
    """Return the number of the try; what is not a number counts as the first."""
    text = str(headers.get(ATTEMPT, "0"))
    return int(text) if text.isdecimal() else 0


def own_headers(headers: Mapping[str, object]) -> dict[str, str]:
    """Return the headers that belong to the message, without what brokers and retries added."""
    return {name: str(value) for name, value in headers.items() if not name.startswith("x-")}


def arguments(queue: str) -> dict[str, dict[str, Any]]:
    """Return the queues of one subscription and the arguments they are declared with."""
    quorum = {"x-queue-type": "quorum"}
    return {
        # Dead letters are read and put back by people; no number of readings may drop them.
        dead_queue(queue): {**quorum, "x-delivery-limit": NO_LIMIT},
        retry_queue(queue): {
            **quorum,
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": queue,
            # Without these two an expired message may be lost on its way back.
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        },
        queue: {
            **quorum,
            "x-delivery-limit": DELIVERY_LIMIT,
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": dead_queue(queue),
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        },
    }


def definitions(queues: Mapping[str, str], *, vhost: str = "/") -> dict[str, Any]:
    """Return exchange, queues and bindings of `queues` (name to event type) for RabbitMQ's import.

    The format is that of `rabbitmqctl import_definitions` (RabbitMQ, "Schema Definition Export and
    Import").
    """
    exchange = {"vhost": vhost, "name": EXCHANGE, "type": "topic", "durable": True}
    return {
        "exchanges": [{**exchange, "auto_delete": False, "internal": False, "arguments": {}}],
        "queues": [
            {"vhost": vhost, "name": name, "durable": True, "auto_delete": False, "arguments": args}
            for queue in sorted(queues)
            for name, args in arguments(queue).items()
        ],
        "bindings": [
            {
                "vhost": vhost,
                "source": EXCHANGE,
                "destination": queue,
                "destination_type": "queue",
                "routing_key": queues[queue],
                "arguments": {},
            }
            for queue in sorted(queues)
        ],
    }


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[AbstractConnection]:
    """Open a plain connection. Raises `TransientError` where the broker does not let us in."""
    try:
        connection = await aio_pika.connect(url, timeout=CONNECT_SECONDS)
    except (OSError, TimeoutError, aio_pika.exceptions.AMQPError) as error:
        raise TransientError(_why_not(address_of(url), error)) from None
    try:
        yield connection
    finally:
        await connection.close()


def _why_not(address: str, error: Exception) -> str:
    """Say who is at fault: the network, the credentials, or the virtual host."""
    match error:
        case aio_pika.exceptions.ProbableAuthenticationError():
            what = "refuses our login. Are user and password in BUS_URL right?"
        # The client expects an answer there, and calls the refusal of a virtual host a wrong one.
        case aio_pika.exceptions.ConnectionClosed() | aio_pika.exceptions.InvalidFrameError():
            what = (
                "ended the connection. Is the virtual host in BUS_URL right, and may the user use"
                " it?"
            )
        case _:
            what = f"does not answer ({type(error).__name__}). Is it running and reachable?"
    return f"RabbitMQ at {address} {what}"


async def check(url: str) -> None:
    """Raise `TransientError` with the reason unless the broker lets us in."""
    async with connected(url):
        pass


async def declare(url: str, subscriptions: Mapping[str, str], removed: Mapping[str, str]) -> None:
    """Make exchange, queues and bindings; unbind what is no longer subscribed.

    An unsubscribed queue with messages stays for the operator; an empty one is deleted.
    """
    async with connected(url) as connection, _told_of_others():
        channel = await connection.channel()
        exchange = await channel.declare_exchange(
            EXCHANGE, aio_pika.ExchangeType.TOPIC, durable=True
        )
        for queue, wire_type in subscriptions.items():
            for name, args in arguments(queue).items():
                declared = await channel.declare_queue(name, durable=True, arguments=args)
                if name == queue:
                    await declared.bind(exchange, wire_type)
        for queue, wire_type in removed.items():
            await _remove(channel, queue, wire_type)


@asynccontextmanager
async def _told_of_others() -> AsyncIterator[None]:
    """Turn the broker's refusals of a declaration into sentences.

    RabbitMQ's text names the queue and the argument that differs, and holds no value of ours:
    https://www.rabbitmq.com/docs/queues#property-equivalence
    """
    try:
        yield
    except aio_pika.exceptions.ChannelPreconditionFailed as error:
        raise SettingsError(
            f"RabbitMQ already has something of this name that was made otherwise: {error}."
            " Nothing was changed. If it is a queue, move its messages away (rabbitmqctl"
            " list_queues shows how many there are), delete it with rabbitmqctl delete_queue, and"
            " run certifyclouds migrate again; or name another virtual host in BUS_URL."
        ) from None
    except aio_pika.exceptions.ChannelClosed as error:
        raise SettingsError(
            f"RabbitMQ refused to make the queues: {error}. The user in BUS_URL needs the"
            " permissions configure, write and read for them (rabbitmqctl set_permissions)."
        ) from None


async def _remove(channel: AbstractChannel, queue: str, wire_type: str) -> None:
    for name, args in arguments(queue).items():
        declared = await channel.declare_queue(name, durable=True, arguments=args)
        if name == queue:
            await declared.unbind(EXCHANGE, wire_type)
        if not declared.declaration_result.message_count:
            await declared.delete(if_unused=False, if_empty=False)
