"""A publisher that was declared once and sends to one queue or topic."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from faststream._internal.endpoint.publisher import PublisherSpecification, PublisherUsecase
from faststream.response.response import PublishCommand

from shared.bus.broker.servicebus.broker.config import ServiceBusBrokerConfig
from shared.bus.broker.servicebus.publisher.config import ServiceBusPublisherConfig
from shared.bus.broker.servicebus.response import ServiceBusPublishCommand

if TYPE_CHECKING:
    from faststream._internal.basic_types import SendableMessage
    from faststream._internal.types import PublisherMiddleware


class ServiceBusPublisher(PublisherUsecase):
    """Publishes what it is given, or as a decorator what a handler returns."""

    _outer_config: ServiceBusBrokerConfig

    def __init__(
        self, config: ServiceBusPublisherConfig, specification: PublisherSpecification[Any, Any]
    ) -> None:
        super().__init__(config, specification)
        self._destination = config.destination
        self.subject = config.subject
        self.headers = config.headers

    @property
    def destination(self) -> str:
        """The queue or topic, with the prefixes of the routers around it."""
        return f"{self._outer_config.prefix}{self._destination}"

    async def publish(
        self,
        message: SendableMessage,
        *,
        headers: dict[str, Any] | None = None,
        correlation_id: str | None = None,
        message_id: str | None = None,
        reply_to: str = "",
        subject: str | None = None,
        deliver_at: datetime | None = None,
        time_to_live: timedelta | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - FastStream's signature
    ) -> None:
        """Publish; see `ServiceBusBroker.publish` for the options."""
        cmd = ServiceBusPublishCommand(
            message,
            destination=self.destination,
            headers=self.headers | (headers or {}),
            correlation_id=correlation_id or self._outer_config.id_generator(),
            message_id=message_id,
            reply_to=reply_to,
            subject=subject or self.subject,
            deliver_at=deliver_at,
            time_to_live=time_to_live,
            timeout=timeout,
        )
        await self._basic_publish(cmd, producer=self._outer_config.producer, _extra_middlewares=())

    async def _publish(
        self, cmd: PublishCommand, *, _extra_middlewares: Iterable[PublisherMiddleware]
    ) -> None:
        """Publish a handler's return value."""
        real = ServiceBusPublishCommand.from_cmd(cmd)
        real.destination = self.destination
        real.subject = real.subject or self.subject
        real.add_headers(self.headers, override=False)
        await self._basic_publish(
            real, producer=self._outer_config.producer, _extra_middlewares=_extra_middlewares
        )

    async def request(self, message: SendableMessage, **_: object) -> NoReturn:
        """Refuse, with the reason."""
        cmd = ServiceBusPublishCommand(message, destination=self.destination)
        await self._outer_config.producer.request(cmd)
        raise AssertionError
