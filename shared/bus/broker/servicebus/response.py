"""What is published: a handler's answer with options, and the command that the producer gets."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from faststream.response.publish_type import PublishType
from faststream.response.response import PublishCommand, Response


class ServiceBusResponse(Response):
    """A handler's return value with what else Service Bus shall know of it."""

    def __init__(
        self,
        body: Any,  # noqa: ANN401 - whatever the serializer takes
        *,
        headers: dict[str, Any] | None = None,
        correlation_id: str | None = None,
        message_id: str | None = None,
        subject: str | None = None,
        deliver_at: datetime | None = None,
        time_to_live: timedelta | None = None,
    ) -> None:
        super().__init__(body, headers=headers, correlation_id=correlation_id)
        self.message_id = message_id
        self.subject = subject
        self.deliver_at = deliver_at
        self.time_to_live = time_to_live

    def as_publish_command(self) -> ServiceBusPublishCommand:
        return ServiceBusPublishCommand(
            self.body,
            headers=self.headers,
            correlation_id=self.correlation_id,
            message_id=self.message_id,
            subject=self.subject,
            deliver_at=self.deliver_at,
            time_to_live=self.time_to_live,
            _publish_type=PublishType.PUBLISH,
        )


class ServiceBusPublishCommand(PublishCommand):
    """One message on its way through the publish middlewares.

    `deliver_at` is aware; `timeout` is in seconds and counts the client's own retries.
    """

    def __init__(
        self,
        message: Any,  # noqa: ANN401 - whatever the serializer takes
        *,
        destination: str = "",
        headers: dict[str, Any] | None = None,
        correlation_id: str | None = None,
        message_id: str | None = None,
        reply_to: str = "",
        subject: str | None = None,
        deliver_at: datetime | None = None,
        time_to_live: timedelta | None = None,
        timeout: float | None = None,
        _publish_type: PublishType = PublishType.PUBLISH,
    ) -> None:
        super().__init__(
            message,
            destination=destination,
            headers=headers,
            correlation_id=correlation_id,
            reply_to=reply_to,
            _publish_type=_publish_type,
        )
        self.message_id = message_id
        self.subject = subject
        self.deliver_at = deliver_at
        self.time_to_live = time_to_live
        self.timeout = timeout

    @classmethod
    def from_cmd(cls, cmd: PublishCommand) -> ServiceBusPublishCommand:
        """Return the command itself, or a new one from another broker's."""
        if isinstance(cmd, ServiceBusPublishCommand):
            return cmd
        return cls(
            cmd.body,
            destination=cmd.destination,
            headers=cmd.headers,
            correlation_id=cmd.correlation_id,
            reply_to=cmd.reply_to,
            _publish_type=cmd.publish_type,
        )
