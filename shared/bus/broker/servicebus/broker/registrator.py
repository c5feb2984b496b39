"""What is registered with a broker or a router: subscribers and publishers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from faststream._internal.broker.registrator import Registrator
from faststream._internal.constants import EMPTY
from faststream.exceptions import FeatureNotSupportedException, SetupError
from faststream.middlewares import AckPolicy

from shared.bus.broker.servicebus.address import SubQueue, consumed, destination
from shared.bus.broker.servicebus.broker.config import ServiceBusBrokerConfig
from shared.bus.broker.servicebus.delivery import Delivery
from shared.bus.broker.servicebus.publisher.factory import create_publisher
from shared.bus.broker.servicebus.publisher.usecase import ServiceBusPublisher
from shared.bus.broker.servicebus.subscriber.factory import create_subscriber
from shared.bus.broker.servicebus.subscriber.usecase import ServiceBusSubscriber

if TYPE_CHECKING:
    from fast_depends.dependencies import Dependant
    from faststream._internal.parser import CodecProto
    from faststream._internal.types import BrokerMiddleware, CustomCallable

ONE_HOUR = 3600.0


class ServiceBusRegistrator(Registrator[Delivery, ServiceBusBrokerConfig]):
    """Common to `ServiceBusBroker` and `ServiceBusRouter`."""

    def subscriber(  # type: ignore[override]
        self,
        queue: str = "",
        *,
        topic: str = "",
        subscription: str = "",
        sub_queue: SubQueue | None = None,
        max_workers: int = 1,
        prefetch: int = 0,
        max_lock_renewal: float = ONE_HOUR,
        sessions: bool = False,
        batch: bool = False,
        ack_policy: AckPolicy = EMPTY,
        no_reply: bool = False,
        dependencies: Sequence[Dependant] = (),
        parser: CustomCallable | None = None,
        decoder: CustomCallable | None = None,
        codec: CodecProto | None = None,
        persistent: bool = True,
        title: str | None = None,
        description: str | None = None,
        include_in_schema: bool = True,
    ) -> ServiceBusSubscriber:
        """Subscribe a handler to a queue, or to a topic's subscription.

        Args:
            queue: The queue's name; a router's prefix goes before it.
            topic: The topic's name, with `subscription`; the prefix goes before it.
            subscription: The subscription's name. A delayed retry needs a queue: let the
                subscription forward to one and consume that.
            sub_queue: `"deadletter"` consumes the dead letters, `"transferdeadletter"` what could
                not be forwarded.
            max_workers: How many messages are handled at once. Each worker has a receiver, and so
                a connection of its own.
            prefetch: How many messages a receiver fetches ahead; their locks are not renewed, so
                handlers must be quick. 0 fetches none.
            max_lock_renewal: For how many seconds a lock is renewed under a handler, so that one
                that hangs does not hold its message for ever. 0 renews nothing.
            sessions: Not supported.
            batch: Not supported.
            ack_policy: When the message is settled; by default it is given back on an error.
            no_reply: Whether `reply_to` of a message is ignored.
            dependencies: Dependencies to apply to the subscriber.
            parser: A parser from deliveries to FastStream's messages.
            decoder: A decoder from a message to Python objects.
            codec: An encoder and decoder in one, instead of `decoder`.
            persistent: Whether the subscriber outlives the last reference to it.
            title: The subscriber's title in the AsyncAPI document.
            description: The subscriber's description in the AsyncAPI document.
            include_in_schema: Whether it is in the AsyncAPI document.

        Raises:
            SetupError: Where the address is incomplete or a number is out of range.
            FeatureNotSupportedException: For sessions and batches.
        """
        if sessions or batch:
            raise FeatureNotSupportedException(
                "This broker consumes message by message and without sessions. Use a queue that"
                " requires none, and handle one message at a time."
            )
        if max_workers < 1 or prefetch < 0 or max_lock_renewal < 0:
            raise SetupError(
                "max_workers must be 1 or more, prefetch and max_lock_renewal not less than 0."
            )
        subscriber = create_subscriber(
            address=consumed(queue, topic, subscription, sub_queue),
            workers=max_workers,
            prefetch=prefetch,
            max_lock_renewal=max_lock_renewal,
            ack_policy=ack_policy,
            no_reply=no_reply,
            config=cast("ServiceBusBrokerConfig", self.config),
            title=title,
            description=description,
            include_in_schema=include_in_schema,
        )
        super().subscriber(subscriber, persistent=persistent)
        return subscriber.add_call(
            parser_=parser or self._parser,
            decoder_=decoder or self._decoder,
            codec_=codec,
            dependencies_=dependencies,
        )

    def publisher(  # type: ignore[override]
        self,
        queue: str = "",
        *,
        topic: str = "",
        subject: str | None = None,
        headers: dict[str, Any] | None = None,
        persistent: bool = True,
        title: str | None = None,
        description: str | None = None,
        schema: Any | None = None,  # noqa: ANN401 - any type that pydantic describes
        include_in_schema: bool = True,
    ) -> ServiceBusPublisher:
        """Declare a publisher, to publish with or to decorate a handler with.

        Args:
            queue: The queue's name; a router's prefix goes before it.
            topic: The topic's name, instead of `queue`.
            subject: The subject (label) of every message, which correlation filters look at.
            headers: Application properties of every message.
            persistent: Whether the publisher outlives the last reference to it.
            title: The publisher's title in the AsyncAPI document.
            description: The publisher's description in the AsyncAPI document.
            schema: The type of what is published, for the AsyncAPI document.
            include_in_schema: Whether it is in the AsyncAPI document.

        Raises:
            SetupError: Where neither or both of queue and topic are named.
        """
        name = destination(queue, topic)
        if not name:
            raise SetupError("Name the queue or the topic to publish to.")
        publisher = create_publisher(
            destination=name,
            subject=subject,
            headers=headers,
            config=cast("ServiceBusBrokerConfig", self.config),
            title=title,
            description=description,
            schema=schema,
            include_in_schema=include_in_schema,
        )
        super().publisher(publisher, persistent=persistent)
        return publisher

    def include_router(
        self,
        router: Registrator[Delivery, Any],
        *,
        prefix: str = "",
        dependencies: Sequence[Dependant] = (),
        middlewares: Sequence[BrokerMiddleware[Any, Any]] = (),
        include_in_schema: bool | None = None,
    ) -> None:
        """Include a router. Raises `SetupError` for one of another broker."""
        if not isinstance(router, ServiceBusRegistrator):
            raise SetupError(f"A ServiceBusRouter is needed here, not a {type(router).__name__}.")
        super().include_router(
            router,
            prefix=prefix,
            dependencies=dependencies,
            middlewares=middlewares,
            include_in_schema=include_in_schema,
        )
