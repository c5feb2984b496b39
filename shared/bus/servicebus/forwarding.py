"""Whether the topic still reaches our queues: Service Bus drops what no subscription asks for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

from azure.core.exceptions import AzureError
from azure.servicebus.exceptions import MessagingEntityNotFoundError

from shared.bus.broker.servicebus.address import Address
from shared.bus.broker.servicebus.client import Connection, closed
from shared.bus.servicebus import entities

_SECONDS: Final = 10.0


async def unreached(connection: Connection, queues: Iterable[str]) -> list[str]:
    """Return those queues whose subscription is gone: events pass them by, and nobody is told.

    Asking needs no right to manage. Nobody can receive from a subscription that forwards, so one
    that is there refuses us in other words than one that is not; any other answer says nothing.
    """
    return [queue for queue in queues if await _is_gone(connection, queue)]


async def _is_gone(connection: Connection, queue: str) -> bool:
    address = Address(entities.TOPIC, entities.subscription_name(queue))
    receiver = connection.receiver(address)
    try:
        async with asyncio.timeout(_SECONDS):
            await receiver.__aenter__()
    except MessagingEntityNotFoundError:
        return True
    except (AzureError, OSError, TimeoutError):
        return False
    finally:
        await closed(receiver)
    return False
