"""Consuming: a number of workers, each of which receives, handles and settles in one task."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any

from faststream._internal.configs import SubscriberUsecaseConfig
from faststream._internal.endpoint.publisher import PublisherProto
from faststream._internal.endpoint.subscriber import SubscriberSpecification, SubscriberUsecase
from faststream._internal.endpoint.subscriber.call_item import CallsCollection
from faststream.exceptions import FeatureNotSupportedException
from faststream.message import StreamMessage
from faststream.middlewares import AckPolicy

from shared.bus.broker.config import TransportBrokerConfig
from shared.bus.broker.message import parse, undecoded
from shared.bus.broker.workers import Workers
from shared.bus.transports.base import Feed, Inbound


@dataclass(kw_only=True)
class TransportSubscriberConfig(SubscriberUsecaseConfig):
    """What a subscriber needs to know; settling is always the handler's (`MANUAL`)."""

    _outer_config: TransportBrokerConfig  # pyright: ignore[reportIncompatibleVariableOverride]  # as FastStream's own brokers do
    queue: str
    workers: int

    @property
    def ack_policy(self) -> AckPolicy:
        return AckPolicy.MANUAL


class TransportSubscriber(SubscriberUsecase[Inbound]):
    """Runs `workers` workers on one queue."""

    _outer_config: TransportBrokerConfig

    def __init__(
        self,
        config: TransportSubscriberConfig,
        specification: SubscriberSpecification[Any, Any],
        calls: CallsCollection[Inbound],
    ) -> None:
        config.parser, config.decoder = parse, undecoded
        super().__init__(config, specification, calls)
        self.queue = config.queue
        self._count = config.workers
        self._workers = Workers()

    @property
    def consuming(self) -> bool:
        """Whether every worker is alive."""
        return self._workers.alive

    async def start(self) -> None:
        await super().start()
        self._post_start()
        feed = self._outer_config.transport.feed(self.queue)
        self._workers.start(self.queue, self._count, lambda _: self._work(feed))

    async def stop(self) -> None:
        """Take nothing more, wait for what is in flight, then cancel what is left of it."""
        self.running = False
        self._workers.interrupt()
        await super().stop()
        await self._workers.end()

    async def _work(self, feed: Feed) -> None:
        waiting = self._workers.waiting()
        while self.running:
            with waiting:
                delivery = await feed.next()
            try:
                await self.consume(delivery)
            except asyncio.CancelledError:
                # The stop did not wait any longer: somebody else does it again.
                await delivery.release()
                raise

    # What FastStream's base class wants and this bus does not do -------------------------------

    def _make_response_publisher(
        self,
        message: StreamMessage[Any],  # noqa: ARG002 - the base class asks for it
    ) -> Iterable[PublisherProto]:
        return ()

    async def get_one(self, *, timeout: float = 5.0) -> StreamMessage[Inbound] | None:  # noqa: ASYNC109 - FastStream's signature
        """Receive one message without a handler; the caller settles it."""
        feed = self._outer_config.transport.feed(self.queue)
        with contextlib.suppress(TimeoutError):
            return await parse(await asyncio.wait_for(feed.next(), timeout))
        return None

    def __aiter__(self) -> AsyncIterator[StreamMessage[Inbound]]:
        raise FeatureNotSupportedException("Events are received by handlers (`Bus.on`).")
