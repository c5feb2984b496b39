"""The broker: registration, start, stop and ping over any `Transport`."""

from __future__ import annotations

import asyncio
import logging
from types import TracebackType
from typing import Final, NoReturn

from fast_depends import dependency_provider
from faststream._internal.broker import BrokerUsecase
from faststream._internal.context.repository import ContextRepo
from faststream._internal.di import FastDependsConfig
from faststream._internal.endpoint.subscriber.call_item import CallsCollection
from faststream._internal.logger import DefaultLoggerStorage, make_logger_state
from faststream.exceptions import FeatureNotSupportedException
from faststream.specification.schema import BrokerSpec

from shared.bus.broker.config import TransportBrokerConfig
from shared.bus.broker.specs import TransportSpecification, TransportSpecificationConfig
from shared.bus.broker.subscriber import TransportSubscriber, TransportSubscriberConfig
from shared.bus.transports.base import Inbound, Transport
from shared.telemetry import get_logger

# FastStream tells of every message it receives; the bus's own metrics do that.
FASTSTREAM_LOGGER: Final = logging.getLogger("shared.bus.faststream")
FASTSTREAM_LOGGER.setLevel(logging.WARNING)

logger = get_logger(__name__)


class TransportBroker(BrokerUsecase[Inbound, Transport, TransportBrokerConfig]):
    """A FastStream broker whose messages are carried by `transport`.

    It only consumes: events are published by `Bus.emit`, in the transaction of their cause.
    """

    def __init__(self, transport: Transport, *, graceful_timeout: float = 15.0) -> None:
        super().__init__(
            routers=(),
            config=TransportBrokerConfig(
                transport=transport,
                graceful_timeout=graceful_timeout,
                logger=make_logger_state(
                    logger=FASTSTREAM_LOGGER,
                    log_level=logging.DEBUG,
                    default_storage_cls=DefaultLoggerStorage,  # type: ignore[type-abstract]  # never made: a logger is given
                ),
                fd_config=FastDependsConfig(
                    use_fastdepends=False, provider=dependency_provider, context=ContextRepo()
                ),
                extra_context={"broker": self},
            ),
            specification=BrokerSpec(
                url=[transport.url],
                protocol=transport.protocol,
                protocol_version=None,
                description=None,
                tags=(),
                security=None,
            ),
        )
        self._transport = transport

    def subscriber(  # type: ignore[override]
        self, queue: str, *, workers: int = 1, include_in_schema: bool = False
    ) -> TransportSubscriber:
        """Register a subscriber of `queue`; FastStream calls what it decorates."""
        calls = CallsCollection[Inbound]()
        specification = TransportSpecification(
            self.config.broker_config,
            TransportSpecificationConfig(
                title_=None, description_=None, include_in_schema=include_in_schema, queue=queue
            ),
            calls,
        )
        config = TransportSubscriberConfig(
            _outer_config=self.config.broker_config, queue=queue, workers=workers, no_reply=True
        )
        subscriber = TransportSubscriber(config, specification, calls)
        super().subscriber(subscriber)
        return subscriber

    def publisher(self, *_: object, **__: object) -> NoReturn:
        raise FeatureNotSupportedException("Events are published by `Bus.emit`.")

    async def _connect(self) -> Transport:
        await self._transport.open()
        return self._transport

    async def start(self) -> None:
        await self.connect()
        await super().start()

    async def stop(
        self,
        exc_type: type[BaseException] | None = None,
        exc_val: BaseException | None = None,
        exc_tb: TracebackType | None = None,
    ) -> None:
        await super().stop(exc_type, exc_val, exc_tb)
        if self._connection is not None:
            await self._transport.close()
            self._connection = None

    async def ping(self, timeout: float | None = None) -> bool:  # noqa: ASYNC109 - FastStream's signature
        if self._connection is None:
            return False
        try:
            return await asyncio.wait_for(self._transport.ping(), timeout)
        except Exception:  # noqa: BLE001 - whatever happened, it does not answer
            return False

    async def publish(self, *_: object, **__: object) -> None:
        raise FeatureNotSupportedException("Events are published by `Bus.emit`.")

    async def request(self, *_: object, **__: object) -> None:
        raise FeatureNotSupportedException("There are no replies on this bus.")
