"""Routers: subscribers and publishers that a broker includes, under a common prefix."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from faststream._internal.broker.router import ArgsContainer, BrokerRouter, SubscriberRoute
from faststream._internal.constants import EMPTY
from faststream.middlewares import AckPolicy

from shared.bus.broker.servicebus.broker.config import ServiceBusBrokerConfig
from shared.bus.broker.servicebus.broker.registrator import ServiceBusRegistrator
from shared.bus.broker.servicebus.delivery import Delivery

if TYPE_CHECKING:
    from fast_depends.dependencies import Dependant
    from faststream._internal.basic_types import SendableMessage
    from faststream._internal.types import BrokerMiddleware, CustomCallable


class ServiceBusPublisherRoute(ArgsContainer):
    """A publisher to be registered with a `ServiceBusRoute`; takes what `publisher` takes."""

    def __init__(self, queue: str = "", **options: Any) -> None:  # noqa: ANN401 - see the registrator
        super().__init__(queue, **options)


class ServiceBusRoute(SubscriberRoute):
    """A subscriber to be registered with a router; takes what `subscriber` takes."""

    def __init__(
        self,
        call: Callable[..., SendableMessage] | Callable[..., Awaitable[SendableMessage]],
        queue: str = "",
        *,
        publishers: Iterable[ServiceBusPublisherRoute] = (),
        **options: Any,  # noqa: ANN401 - see the registrator
    ) -> None:
        super().__init__(call, queue, publishers=publishers, **options)


class ServiceBusRouter(  # pyright: ignore[reportIncompatibleMethodOverride]  # as FastStream's own do
    ServiceBusRegistrator, BrokerRouter[Delivery, ServiceBusBrokerConfig]
):
    """What a broker includes; `prefix` goes before every queue and topic."""

    def __init__(
        self,
        prefix: str = "",
        handlers: Iterable[ServiceBusRoute] = (),
        *,
        dependencies: Sequence[Dependant] = (),
        middlewares: Sequence[BrokerMiddleware[Any, Any]] = (),
        routers: Iterable[ServiceBusRegistrator] = (),
        parser: CustomCallable | None = None,
        decoder: CustomCallable | None = None,
        include_in_schema: bool | None = None,
        ack_policy: AckPolicy = EMPTY,
    ) -> None:
        super().__init__(
            handlers=handlers,
            routers=routers,
            config=ServiceBusBrokerConfig(
                prefix=prefix,
                ack_policy=ack_policy,
                broker_dependencies=dependencies,
                broker_middlewares=middlewares,
                broker_parser=parser,
                broker_decoder=decoder,
                include_in_schema=include_in_schema,
            ),
        )
