"""Consuming: each worker receives, handles and settles in one task, with a receiver of its own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

from azure.core.exceptions import AzureError
from faststream._internal.endpoint.publisher import PublisherProto
from faststream._internal.endpoint.subscriber import SubscriberSpecification, SubscriberUsecase
from faststream._internal.endpoint.subscriber.call_item import CallsCollection
from faststream._internal.endpoint.utils import process_msg
from faststream.exceptions import SetupError
from faststream.message import StreamMessage

from shared.bus.broker.servicebus.address import Address
from shared.bus.broker.servicebus.broker.config import ServiceBusBrokerConfig
from shared.bus.broker.servicebus.delivery import Delivery
from shared.bus.broker.servicebus.errors import explained
from shared.bus.broker.servicebus.keeper import Keeper
from shared.bus.broker.servicebus.message import ServiceBusMessage
from shared.bus.broker.servicebus.parser import decode, parse_message
from shared.bus.broker.servicebus.publisher.fake import ServiceBusFakePublisher
from shared.bus.broker.servicebus.subscriber.config import ServiceBusSubscriberConfig
from shared.bus.broker.servicebus.subscriber.liveness import Liveness, Pauses
from shared.bus.broker.servicebus.subscriber.receiver import Receiver
from shared.bus.broker.workers import Workers
from shared.bus.retry import describe
from shared.errors import CertifyCloudsError

# What the namespace and the way to it may do; anything else is a fault of ours, with a traceback.
WEATHER = (AzureError, OSError, TimeoutError, CertifyCloudsError)


class ServiceBusSubscriber(SubscriberUsecase[Delivery]):
    """Runs a number of workers on one address."""

    _outer_config: ServiceBusBrokerConfig

    def __init__(
        self,
        config: ServiceBusSubscriberConfig,
        specification: SubscriberSpecification[Any, Any],
        calls: CallsCollection[Delivery],
    ) -> None:
        config.parser, config.decoder = parse_message, decode
        super().__init__(config, specification, calls)
        self._address = config.address
        self._count = config.workers
        self._prefetch = config.prefetch
        self._max_lock_renewal = config.max_lock_renewal
        self._workers = Workers()
        self._liveness = Liveness(config.workers)
        self._own: Receiver | None = None

    @property
    def address(self) -> Address:
        """What is consumed, with the prefixes of the routers around it."""
        return self._address.prefixed(self._outer_config.prefix)

    @property
    def consuming(self) -> bool:
        """Whether every worker handles a message, or has looked for one successfully of late."""
        timing = self._outer_config.timing
        return self._workers.alive and self._liveness.within(timing.poll + timing.stall)

    async def start(self) -> None:
        """Start the workers; `opened` says how that went."""
        await super().start()
        self._post_start()
        if self.calls:
            self._liveness = Liveness(self._count)
            self._workers.start(self.address.path, self._count, self._work)

    async def opened(self) -> None:
        """Wait until each worker has tried to open its receiver. Raises the first error."""
        if self._workers.tasks:
            await self._liveness.tried()

    async def stop(self) -> None:
        """Take nothing more and let handlers finish, within the broker's `graceful_timeout`.

        A worker that polls ends by itself; what it gets meanwhile is given back.
        """
        self.running = False
        self._workers.interrupt()
        await super().stop()
        timing = self._outer_config.timing
        await self._workers.end(timing.poll + timing.stall)
        if self._own:
            await self._own.close()
            self._own = None

    # A worker's life ---------------------------------------------------------------------------

    async def _work(self, number: int) -> None:
        """Keep a receiver open while the subscriber runs, with growing pauses between tries."""
        timing = self._outer_config.timing
        pauses = Pauses(timing.first_pause, timing.last_pause)
        while self.running:
            receiver = self._receiver()
            try:
                with self._workers.waiting():
                    await receiver.open()
                self._liveness.polled(number)
                await self._serve(number, receiver, pauses)
            except Exception as error:  # noqa: BLE001 - told, and tried again
                self._liveness.failed(number, self._failed(error))
            finally:
                with self._workers.ending():
                    await receiver.close()
            if self.running:
                with self._workers.waiting():
                    await asyncio.sleep(pauses.next())

    async def _serve(self, number: int, receiver: Receiver, pauses: Pauses) -> None:
        ending = self._workers.ending()
        while self.running and not receiver.spoiled:
            with ending:
                delivery = await receiver.next()
            self._liveness.polled(number)
            pauses.reset()
            if delivery:
                with self._liveness.handling(number):
                    await self._handle(delivery, ending)

    async def _handle(self, delivery: Delivery, ending: AbstractContextManager[None]) -> None:
        """Handle one message while its lock is kept.

        What came while the subscriber stopped is not handled, and what the stop did not wait for is
        cut off: closing the receiver gives both back.
        """
        keeper = Keeper(delivery, self._max_lock_renewal)
        keeper.start()
        try:
            await self.consume(delivery)
        finally:
            with ending:
                await keeper.stop()

    def _receiver(self) -> Receiver:
        outer = self._outer_config
        return Receiver(
            outer.connection, self.address, self.tell, outer.timing, prefetch=self._prefetch
        )

    def _failed(self, error: Exception) -> CertifyCloudsError:
        fault = explained(error, self._outer_config.connection.url, self.address.path)
        self.tell(str(fault), None if isinstance(error, WEATHER) else error)
        return fault

    def tell(self, what: str, error: BaseException | None = None) -> None:
        """Log as FastStream's logger does; a fault of ours comes with its traceback."""
        fault = error if isinstance(error, Exception) and not isinstance(error, WEATHER) else None
        text = f"{what} ({describe(error)})" if error else what
        self._log(logging.WARNING, text, extra=self.get_log_context(None), exc_info=fault)

    # What FastStream asks of a subscriber ------------------------------------------------------

    def get_log_context(self, message: StreamMessage[Delivery] | None) -> dict[str, str]:
        entity = message.raw_message.queue if message else self.address.path
        return {"entity": entity, "message_id": getattr(message, "message_id", "")}

    def _make_response_publisher(self, message: StreamMessage[Any]) -> Sequence[PublisherProto]:
        return (ServiceBusFakePublisher(self._outer_config.producer, message.reply_to),)

    async def get_one(self, *, timeout: float = 5.0) -> ServiceBusMessage | None:  # noqa: ASYNC109 - FastStream's signature
        """Receive one message without a handler; the caller settles it before asking again.

        What the caller has not settled by `stop` is given back. The lock is not renewed.
        """
        if self.calls:
            raise SetupError("`get_one` is for a subscriber without handlers.")
        if self._own is None:
            self._own = self._receiver()
            await self._own.open()
        delivery = await self._own.next(timeout)
        return await self._message(delivery) if delivery else None

    async def __aiter__(self) -> AsyncIterator[ServiceBusMessage]:
        """Receive messages without a handler, one after the other, until `stop`."""
        while self._outer_config.open_connection:
            message = await self.get_one(timeout=self._outer_config.timing.poll)
            if message:
                yield message

    async def _message(self, delivery: Delivery) -> ServiceBusMessage:
        context = self._outer_config.context
        parser, decoder = self._get_parser_and_decoder()
        message: ServiceBusMessage = await process_msg(  # type: ignore[assignment]
            msg=delivery,
            middlewares=(m(delivery, context=context) for m in self._broker_middlewares),
            parser=parser,
            decoder=decoder,
        )
        return message
