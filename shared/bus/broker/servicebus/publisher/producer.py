"""From a publish command to a message that Service Bus has stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

from faststream._internal.endpoint.utils import ParserComposition
from faststream._internal.parser import CodecProto, DefaultCodec
from faststream._internal.producer import ProducerProto
from faststream.exceptions import FeatureNotSupportedException, IncorrectState, SetupError

from shared.bus.broker.servicebus.client import Connection
from shared.bus.broker.servicebus.envelope import Envelope
from shared.bus.broker.servicebus.parser import decode, parse_message
from shared.bus.broker.servicebus.response import ServiceBusPublishCommand

if TYPE_CHECKING:
    from fast_depends.library.serializer import SerializerProto
    from faststream._internal.types import AsyncCallable, CustomCallable


class ServiceBusProducer(ProducerProto[ServiceBusPublishCommand]):
    """Publishes, with one sender for each queue or topic."""

    def __init__(
        self,
        parser: CustomCallable | None,
        decoder: CustomCallable | None,
        make_id: Callable[[], str],
    ) -> None:
        self._parser: AsyncCallable = ParserComposition(parser, parse_message)
        self._decoder: AsyncCallable = ParserComposition(decoder, decode)
        self._make_id = make_id
        self._connection: Connection | None = None
        self.serializer: SerializerProto | None = None
        self.codec: CodecProto = DefaultCodec()

    def connect(
        self, connection: Connection, serializer: SerializerProto | None, codec: CodecProto | None
    ) -> None:
        self._connection = connection
        self.serializer = serializer
        self.codec = codec or DefaultCodec()

    def disconnect(self) -> None:
        self._connection = None

    async def publish(self, cmd: ServiceBusPublishCommand) -> None:
        """Send and wait until it is stored.

        Raises `SetupError` without a destination, `PermanentError` for a message that is too large,
        and `TransientError` where trying later may help.
        """
        if self._connection is None:
            raise IncorrectState(
                "The broker is not connected: call `connect()` or `start()` first."
            )
        envelope = await self.envelope(cmd)
        await self._connection.sender(cmd.destination).send(envelope, cmd.timeout)

    async def envelope(self, cmd: ServiceBusPublishCommand) -> Envelope:
        """Encode the command's body and put its properties in their places."""
        if not cmd.destination:
            raise SetupError("Name the queue or the topic to publish to.")
        if cmd.deliver_at and cmd.deliver_at.tzinfo is None:
            raise SetupError("`deliver_at` needs a time zone, such as datetime.UTC.")
        body, content_type = await self.codec.encode(cmd.body, self.serializer)
        return Envelope(
            body=body,
            headers=dict(cmd.headers),
            message_id=cmd.message_id or self._make_id(),
            correlation_id=cmd.correlation_id,
            content_type=content_type,
            subject=cmd.subject,
            reply_to=cmd.reply_to or None,
            time_to_live=cmd.time_to_live,
            deliver_at=cmd.deliver_at,
        )

    async def request(self, cmd: ServiceBusPublishCommand) -> NoReturn:  # noqa: ARG002 - FastStream's signature
        raise FeatureNotSupportedException(
            "Service Bus answers only through sessions, which this broker does not use. Publish"
            " with `reply_to` and subscribe to that queue."
        )

    async def publish_batch(self, cmd: ServiceBusPublishCommand) -> NoReturn:  # noqa: ARG002 - FastStream's signature
        raise FeatureNotSupportedException(
            "This broker publishes message by message: await several `publish` calls."
        )
