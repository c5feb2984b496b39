"""The broker: FastStream on Azure Service Bus."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, cast

from azure.servicebus import TransportType
from azure.servicebus.aio import ServiceBusClient
from fast_depends import Provider, dependency_provider
from faststream._internal.broker import BrokerUsecase
from faststream._internal.constants import EMPTY
from faststream._internal.context.repository import ContextRepo
from faststream._internal.di import FastDependsConfig
from faststream.message import gen_cor_id
from faststream.middlewares import AckPolicy
from faststream.specification.schema import BrokerSpec

from shared.bus.broker.servicebus.address import Address, destination
from shared.bus.broker.servicebus.broker.config import (
    ServiceBusBrokerConfig,
    Timing,
    serializer_of,
)
from shared.bus.broker.servicebus.broker.logging import make_servicebus_logger_state
from shared.bus.broker.servicebus.broker.registrator import ServiceBusRegistrator
from shared.bus.broker.servicebus.client import Connection, Endpoint
from shared.bus.broker.servicebus.delivery import Delivery
from shared.bus.broker.servicebus.probe import Probe
from shared.bus.broker.servicebus.publisher.producer import ServiceBusProducer
from shared.bus.broker.servicebus.response import ServiceBusPublishCommand
from shared.bus.broker.servicebus.subscriber.usecase import ServiceBusSubscriber

if TYPE_CHECKING:
    from azure.core.credentials import AzureNamedKeyCredential, AzureSasCredential
    from azure.core.credentials_async import AsyncTokenCredential
    from fast_depends.dependencies import Dependant
    from fast_depends.library.serializer import SerializerProto
    from faststream._internal.basic_types import LoggerProto, SendableMessage
    from faststream._internal.parser import CodecProto
    from faststream._internal.types import BrokerMiddleware, CustomCallable
    from faststream.security import BaseSecurity
    from faststream.specification.schema.extra import Tag, TagDict

PING_SECONDS = 5.0


class ServiceBusBroker(  # pyright: ignore[reportIncompatibleMethodOverride]  # as FastStream's own do
    ServiceBusRegistrator, BrokerUsecase[Delivery, Connection, ServiceBusBrokerConfig]
):
    """A FastStream broker on Azure Service Bus's queues, topics and subscriptions.

    Delivery is at least once: handlers must bear a message that comes twice.
    """

    def __init__(
        self,
        connection_string: str = "",
        *,
        namespace: str = "",
        credential: AsyncTokenCredential
        | AzureSasCredential
        | AzureNamedKeyCredential
        | None = None,
        custom_endpoint: str | None = None,
        ca_file: str | Path | None = None,
        ssl_context: ssl.SSLContext | None = None,
        transport_type: TransportType = TransportType.Amqp,
        client_options: dict[str, Any] | None = None,
        timing: Timing | None = None,
        graceful_timeout: float | None = 15.0,
        ack_policy: AckPolicy = EMPTY,
        decoder: CustomCallable | None = None,
        parser: CustomCallable | None = None,
        codec: CodecProto | None = None,
        dependencies: Sequence[Dependant] = (),
        middlewares: Sequence[BrokerMiddleware[Any, Any]] = (),
        routers: Iterable[ServiceBusRegistrator] = (),
        id_generator: Callable[[], str] = gen_cor_id,
        specification_url: str | None = None,
        description: str | None = None,
        tags: Iterable[Tag | TagDict] = (),
        security: BaseSecurity | None = None,
        logger: LoggerProto | None = EMPTY,
        log_level: int = logging.INFO,
        apply_types: bool = True,
        serializer: SerializerProto | None = EMPTY,
        provider: Provider | None = None,
        context: ContextRepo | None = None,
    ) -> None:
        """Configure the broker; nothing is connected yet.

        Args:
            connection_string: The namespace's address with a shared access key, or
            namespace: its fully qualified name (`<name>.servicebus.windows.net`), and
            credential: an identity of `azure.identity.aio`, which the caller closes.
            custom_endpoint: Another address to connect to, such as that of a gateway.
            ca_file: The certificates that the server's is checked against, or
            ssl_context: the whole of TLS's settings.
            transport_type: AMQP on port 5671, or in a WebSocket on port 443.
            client_options: More options of `ServiceBusClient`, such as `retry_total`.
            timing: How long things may take.
            graceful_timeout: For how many seconds `stop` waits for handlers.
            ack_policy: The policy of subscribers that have none of their own.
            decoder: A decoder for all subscribers.
            parser: A parser for all subscribers.
            codec: An encoder and decoder in one, for all.
            dependencies: Dependencies of all subscribers.
            middlewares: Around everything that is consumed and published.
            routers: Routers to include.
            id_generator: Makes correlation ids and message ids.
            specification_url: The server in the AsyncAPI document, instead of the namespace.
            description: The server's description in the AsyncAPI document.
            tags: The server's tags in the AsyncAPI document.
            security: How the AsyncAPI document says one signs in.
            logger: Instead of FastStream's logger for this broker; None logs nothing.
            log_level: The level of that logger.
            apply_types: Whether handlers' arguments are validated.
            serializer: FastDepends's serializer.
            provider: FastDepends's provider of dependencies.
            context: FastStream's context.

        Raises:
            SetupError: Where it is not said in exactly one way how to sign in.
        """
        self.endpoint = Endpoint(
            connection_string=connection_string,
            namespace=namespace,
            credential=credential,
            custom_endpoint=custom_endpoint,
            ca_file=ca_file,
            ssl_context=ssl_context,
            transport_type=transport_type,
            options=client_options or {},
        )
        self._probe: Probe | None = None
        super().__init__(
            routers=routers,
            config=ServiceBusBrokerConfig(
                timing=timing or Timing(),
                producer=ServiceBusProducer(parser, decoder, id_generator),
                broker_middlewares=middlewares,
                broker_parser=parser,
                broker_decoder=decoder,
                broker_codec=codec,
                logger=make_servicebus_logger_state(logger=logger, log_level=log_level),
                fd_config=FastDependsConfig(
                    use_fastdepends=apply_types,
                    serializer=serializer,
                    provider=provider or dependency_provider,
                    context=context or ContextRepo(),
                ),
                broker_dependencies=dependencies,
                graceful_timeout=graceful_timeout,
                ack_policy=ack_policy,
                id_generator=id_generator,
                extra_context={"broker": self},
            ),
            specification=BrokerSpec(
                url=[specification_url or self.endpoint.url],
                protocol="amqp" if self.endpoint.is_emulator else "amqps",
                protocol_version="1.0",
                description=description,
                tags=tags,
                security=security,
            ),
        )

    @property
    def client(self) -> ServiceBusClient:
        """The client, for what is not done here. Raises `IncorrectState` before `connect`."""
        return self.config.broker_config.connection.client

    @property
    def consuming(self) -> bool:
        """Whether every subscriber with handlers is at work; also true where there is none."""
        return all(sub.consuming for sub in self._service_bus_subscribers() if sub.calls)

    async def _connect(self) -> Connection:
        connection = Connection(self.endpoint.client(), self.endpoint.url)
        config = self.config.broker_config
        config.open_connection = connection
        cast("ServiceBusProducer", config.producer).connect(
            connection, serializer_of(config), config.broker_codec
        )
        return connection

    async def start(self) -> None:
        """Start all subscribers and wait until their receivers are open.

        Raises `TransientError` where one cannot be opened, with what to do; nothing is then left
        running. Later failures are told and tried again for as long as the broker runs.
        """
        await self.connect()
        await super().start()
        try:
            await asyncio.gather(*(sub.opened() for sub in self._service_bus_subscribers()))
        except BaseException:
            await self.stop()
            raise

    async def stop(
        self,
        exc_type: type[BaseException] | None = None,
        exc_val: BaseException | None = None,
        exc_tb: TracebackType | None = None,
    ) -> None:
        """Drain and disconnect: handlers finish, and nothing stays locked."""
        try:
            await super().stop(exc_type, exc_val, exc_tb)
        finally:
            probe, self._probe = self._probe, None
            connection, self._connection = self._connection, None
            if probe:
                await probe.close()
            if connection:
                await connection.close()
            config = self.config.broker_config
            config.open_connection = None
            cast("ServiceBusProducer", config.producer).disconnect()

    async def ping(self, timeout: float | None = None) -> bool:  # noqa: ASYNC109 - FastStream's signature
        """Say whether the namespace answers a question about an entity that is used here."""
        if self._connection is None:
            return False
        if self._probe is None:
            self._probe = Probe(self._connection, self._something_used())
        return await self._probe.ask(timeout or PING_SECONDS)

    async def publish(
        self,
        message: SendableMessage = None,
        queue: str = "",
        *,
        topic: str = "",
        headers: dict[str, Any] | None = None,
        correlation_id: str | None = None,
        message_id: str | None = None,
        reply_to: str = "",
        subject: str | None = None,
        deliver_at: datetime | None = None,
        time_to_live: timedelta | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - FastStream's signature
    ) -> None:
        """Publish a message and wait until Service Bus has stored it.

        Args:
            message: What to send.
            queue: The queue, or
            topic: the topic.
            headers: Application properties; what is no AMQP type travels as its text.
            correlation_id: Names the conversation; made where it is missing.
            message_id: What duplicate detection looks at; made where it is missing.
            reply_to: The queue that answers go to.
            subject: The subject (label), which correlation filters look at.
            deliver_at: When it becomes visible; Service Bus keeps it until then.
            time_to_live: How long it waits to be consumed; whole seconds count.
            timeout: How many seconds it may take, with the client's own retries.

        Raises:
            SetupError: Without a destination, with two, or with a `deliver_at` without time zone.
            TransientError: Where it was not stored for sure and trying again may help.
            PermanentError: Where it is too large.
        """
        cmd = ServiceBusPublishCommand(
            message,
            destination=destination(queue, topic),
            headers=headers,
            correlation_id=correlation_id or self.config.id_generator(),
            message_id=message_id,
            reply_to=reply_to,
            subject=subject,
            deliver_at=deliver_at,
            time_to_live=time_to_live,
            timeout=timeout,
        )
        await self._basic_publish(cmd, producer=self.config.producer)

    async def request(self, *_: object, **__: object) -> NoReturn:
        """Refuse, with the reason."""
        await self.config.producer.request(ServiceBusPublishCommand(None))
        raise AssertionError

    def _service_bus_subscribers(self) -> list[ServiceBusSubscriber]:
        return cast("list[ServiceBusSubscriber]", self.subscribers)

    def _something_used(self) -> Address | None:
        return next((sub.address for sub in self._service_bus_subscribers()), None)
