"""A broker in memory for unit tests: the same handlers, middlewares and settlements, no network."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from azure.servicebus.exceptions import MessageAlreadySettled
from faststream._internal.testing.broker import EnterType, TestBroker, change_producer

from shared.bus.broker.servicebus.address import Address
from shared.bus.broker.servicebus.broker.broker import ServiceBusBroker
from shared.bus.broker.servicebus.broker.config import serializer_of
from shared.bus.broker.servicebus.delivery import Delivery
from shared.bus.broker.servicebus.envelope import Envelope
from shared.bus.broker.servicebus.publisher.producer import ServiceBusProducer
from shared.bus.broker.servicebus.publisher.usecase import ServiceBusPublisher
from shared.bus.broker.servicebus.response import ServiceBusPublishCommand
from shared.bus.broker.servicebus.subscriber.usecase import ServiceBusSubscriber


@dataclass(frozen=True, slots=True)
class Settled:
    """How a delivery ended; `copy` is what a delayed retry would have scheduled."""

    path: str
    how: str
    reason: str = ""
    description: str = ""
    copy: Envelope | None = None


class MemoryLink:
    """Implements `Link` by noting what would have been done."""

    def __init__(self, path: str, settled: list[Settled]) -> None:
        self._path = path
        self._settled = settled
        self._copy: Envelope | None = None
        self._done = False

    async def complete(self) -> None:
        self._note(Settled(self._path, "retry" if self._copy else "complete", copy=self._copy))

    async def abandon(self) -> None:
        self._note(Settled(self._path, "abandon"))

    async def dead_letter(self, reason: str, description: str) -> None:
        self._note(Settled(self._path, "dead_letter", reason, description))

    async def renew(self) -> datetime:
        """Refuse: what is in memory has no lock, so nobody renews one."""
        raise AssertionError

    async def send(self, envelope: Envelope) -> None:
        self._copy = envelope

    def _note(self, settled: Settled) -> None:
        if self._done:
            raise MessageAlreadySettled(action=settled.how)
        self._done = True
        self._settled.append(settled)


class MemoryProducer(ServiceBusProducer):
    """Hands what is published to the subscribers, at once; each subscription gets a copy."""

    def __init__(
        self,
        broker: ServiceBusBroker,
        brokers: Sequence[ServiceBusBroker],
        settled: list[Settled],
    ) -> None:
        config = broker.config.broker_config
        super().__init__(config.broker_parser, config.broker_decoder, config.id_generator)
        self.serializer = serializer_of(config)
        self.codec = config.broker_codec or self.codec
        self._brokers = brokers
        self._settled = settled

    async def publish(self, cmd: ServiceBusPublishCommand) -> None:
        envelope = await self.envelope(cmd)
        seen: set[Address] = set()
        for subscriber in _subscribers(self._brokers):
            address = subscriber.address
            if address.entity == cmd.destination and not address.sub_queue and address not in seen:
                seen.add(address)
                link = MemoryLink(address.path, self._settled)
                await subscriber.process_message(Delivery(envelope, address, link, subscriber.tell))


class TestServiceBusBroker(TestBroker[ServiceBusBroker, EnterType], broker=ServiceBusBroker):
    """FastStream's test broker: `async with TestServiceBusBroker(broker) as broker: …`.

    `settled` tells how each delivery ended. Nothing comes again: a nack ends the delivery, and its
    copy is there to look at. With `with_real=True` the broker connects as it was configured to.
    """

    def __init__(
        self,
        *brokers: ServiceBusBroker,
        with_real: bool = False,
        connect_only: bool | None = None,
    ) -> None:
        super().__init__(*brokers, with_real=with_real, connect_only=connect_only)
        self.settled: list[Settled] = []

    def create_publisher_fake_subscriber(
        self, broker: ServiceBusBroker, publisher: ServiceBusPublisher
    ) -> tuple[ServiceBusSubscriber, bool]:
        for subscriber in _subscribers(self.brokers):
            address = subscriber.address
            if address.entity == publisher.destination and not address.sub_queue:
                return subscriber, True
        return broker.subscriber(publisher.destination, persistent=False), False

    @contextmanager
    def _patch_producer(self, broker: ServiceBusBroker) -> Iterator[None]:
        producer = MemoryProducer(broker, self.brokers, self.settled)
        with change_producer(broker.config.broker_config, producer):
            yield

    async def _fake_connect(  # type: ignore[override]
        self,
        broker: ServiceBusBroker,  # noqa: ARG002 - FastStream's signature
        *_: Any,  # noqa: ANN401 - FastStream's signature
        **__: Any,  # noqa: ANN401 - FastStream's signature
    ) -> object:
        await asyncio.sleep(0)
        return object()


def _subscribers(brokers: Sequence[ServiceBusBroker]) -> list[ServiceBusSubscriber]:
    return [cast("ServiceBusSubscriber", sub) for one in brokers for sub in one.subscribers]
