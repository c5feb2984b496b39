"""What FastStream's RabbitMQ broker does not tell or do: how it stands, and an end that comes."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Final

# The answer is there at once; this only ends the waiting for a connection that is blocked.
LOOK_SECONDS: Final = 0.05


def is_connected(broker: Any) -> bool:  # noqa: ANN401 - RabbitBroker keeps its connection private
    """Say whether the broker's connection stands now."""
    connection = getattr(broker, "_connection", None)
    return connection is not None and connection.connected.is_set()


async def stop_within(broker: Any, seconds: float) -> None:  # noqa: ANN401 - as above
    """Stop a broker; a connection that does not close in order within `seconds` is cut off.

    Closing a channel waits for RabbitMQ's answer, which one under an alarm, or one that hangs, does
    not give. The client would keep such a connection, and make it anew, for as long as the process
    lives. Cutting it off takes up to two seconds more (aiormq's READER_CLOSE_TIMEOUT).
    """
    if not await is_blocked(broker):
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(broker.stop(), seconds)
            return
    if (connection := getattr(broker, "_connection", None)) is not None:
        await connection.close()
    await asyncio.wait_for(broker.stop(), seconds)


async def is_blocked(broker: Any) -> bool:  # noqa: ANN401 - as above
    """Say whether RabbitMQ told this connection that it takes no messages (`connection.blocked`).

    It tells a connection on which somebody tried to publish while an alarm for disk or memory
    stands (https://www.rabbitmq.com/docs/connection-blocked).
    """
    transport = getattr(getattr(broker, "_connection", None), "transport", None)
    if transport is None or not is_connected(broker):
        return False
    try:
        await asyncio.wait_for(transport.connection.ready(), LOOK_SECONDS)
    except TimeoutError:
        return True
    return False


def has_consumer(subscriber: Any) -> bool:  # noqa: ANN401 - FastStream's private class
    """Say whether the subscriber's consumer stands on an open channel.

    A broker may cancel a consumer and leave the connection alone; then nothing arrives and nothing
    fails. The client forgets a cancelled tag, so the tag is looked up in the client's own table.
    """
    queue = getattr(subscriber, "_queue_obj", None)
    tag = getattr(subscriber, "_consumer_tag", None)
    if queue is None or tag is None or queue.channel.is_closed:
        return False
    under = getattr(queue.channel, "_channel", None)
    channel = getattr(under, "channel", None)
    return channel is not None and not channel.is_closed and tag in channel.consumers
