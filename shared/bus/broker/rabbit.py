"""What FastStream's RabbitMQ broker knows and does not tell: whether a consumer is alive."""

from __future__ import annotations

from typing import Any


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
