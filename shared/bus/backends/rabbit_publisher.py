"""Publishing to RabbitMQ, on a connection of its own.

While an alarm for disk or memory stands, RabbitMQ stops reading from connections that publish. On
the consumers' connection that would hold up their acknowledgements too.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Final

from aio_pika.exceptions import DeliveryError, PublishError
from faststream.rabbit import Channel, ExchangeType, RabbitBroker, RabbitExchange

from shared.bus import amqp
from shared.bus.broker import is_blocked, is_connected, stop_within
from shared.bus.broker.core import FASTSTREAM_LOGGER
from shared.bus.relay import SendError
from shared.bus.standing import Standing
from shared.bus.store import Claimed

CONFIRM_SECONDS: Final = 15.0
LOOK_SECONDS: Final = 1.0
ALARM: Final = (
    "RabbitMQ takes no events: its host is short of disk space or memory (rabbitmqctl status names"
    " the alarm). Free some; until then events wait in the outbox, and none is lost."
)


class RabbitPublisher:
    """Publishes and waits until the broker has stored it. Every failure is a `SendError`."""

    def __init__(self, url: str, standing: Standing, *, reconnect_seconds: float) -> None:
        self._standing = standing
        self._broker = RabbitBroker(
            url,
            # A message that no queue takes raises instead of vanishing: the outbox keeps it.
            default_channel=Channel(publisher_confirms=True, on_return_raises=True),
            reconnect_interval=reconnect_seconds,
            logger=FASTSTREAM_LOGGER,
            log_level=logging.DEBUG,
        )
        self._exchange = RabbitExchange(
            amqp.EXCHANGE, type=ExchangeType.TOPIC, durable=True, declare=False
        )

    async def start(self) -> None:
        await self._broker.start()

    async def stop(self, seconds: float) -> None:
        await stop_within(self._broker, seconds)

    async def is_open(self) -> bool:
        """Say whether the broker takes messages now; health is told of its alarm."""
        if await is_blocked(self._broker):
            self._standing.tell("alarm", ALARM)
            return False
        self._standing.clear("alarm")
        return is_connected(self._broker)

    async def send(self, claimed: Claimed) -> None:
        """Publish one message of the outbox."""
        headers = dict(claimed.headers)
        if claimed.attempt:
            headers[amqp.ATTEMPT] = str(claimed.attempt)
        await self._publish(
            claimed.body,
            claimed.route or "",
            None if claimed.route else self._exchange,
            routing_key=claimed.route or claimed.type,
            headers=headers,
            content_type="application/json",
            message_id=amqp.broker_message_id(claimed.message_id, claimed.attempt),
            correlation_id=headers.get("ce-correlationid"),
            message_type=claimed.type,
        )

    async def copy(
        self,
        body: bytes,
        queue: str,
        *,
        headers: Mapping[str, str],
        content_type: str | None,
        message_id: str,
        expiration: float | None,
    ) -> None:
        """Store a message in one queue; while an alarm stands, wait for its end."""
        while await is_blocked(self._broker):  # noqa: ASYNC110 - the client has no event for it
            await asyncio.sleep(LOOK_SECONDS)
        await self._publish(
            body,
            queue,
            headers=dict(headers),
            content_type=content_type,
            message_id=message_id,
            expiration=expiration,
        )

    async def _publish(self, *what: Any, **how: Any) -> None:  # noqa: ANN401 - RabbitBroker.publish's
        try:
            await self._broker.publish(*what, persist=True, timeout=CONFIRM_SECONDS, **how)
        except PublishError:
            raise SendError(
                "unroutable",
                "RabbitMQ has no queue that takes it; run certifyclouds migrate with this BUS_URL.",
            ) from None
        except DeliveryError:
            raise SendError(
                "refused", "RabbitMQ refused it: its queue is full, or has lost its quorum."
            ) from None
        except TimeoutError:
            raise SendError(
                "timed_out", f"RabbitMQ did not confirm it within {CONFIRM_SECONDS:.0f} s."
            ) from None
        except Exception as error:
            raise SendError(
                "disconnected", f"The connection to RabbitMQ broke ({type(error).__name__})."
            ) from error
