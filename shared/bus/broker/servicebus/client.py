"""The client: how a namespace is reached, its receivers, and senders that several tasks may use."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from azure.servicebus import TransportType
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver, ServiceBusSender
from faststream.exceptions import SetupError

from shared.bus.broker.servicebus.address import Address
from shared.bus.broker.servicebus.envelope import Envelope, written
from shared.bus.broker.servicebus.errors import explained

if TYPE_CHECKING:
    from azure.core.credentials import AzureNamedKeyCredential, AzureSasCredential
    from azure.core.credentials_async import AsyncTokenCredential

CLOSE_SECONDS: Final = 5.0
SEND_SECONDS: Final = 60.0
LARGE_BYTES: Final = 128 * 1024
# Service Bus quotas: the largest message of the Standard tier.
STANDARD_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where the namespace is and who we are there; `url` never holds a key.

    Raises `SetupError` where neither or both of the two ways to sign in are given.
    """

    connection_string: str = field(default="", repr=False)
    namespace: str = ""
    credential: AsyncTokenCredential | AzureSasCredential | AzureNamedKeyCredential | None = None
    custom_endpoint: str | None = None
    ca_file: str | Path | None = None
    ssl_context: ssl.SSLContext | None = None
    transport_type: TransportType = TransportType.Amqp
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        by_identity = bool(self.namespace and self.credential)
        if bool(self.connection_string) == by_identity:
            raise SetupError(
                "Give either a connection string, or the fully qualified namespace"
                " (<name>.servicebus.windows.net) and a credential."
            )

    @property
    def url(self) -> str:
        scheme = "amqp" if self.is_emulator else "amqps"
        return f"{scheme}://{self.host}"

    @property
    def host(self) -> str:
        if self.namespace:
            return self.namespace
        parts = urlsplit(_setting(self.connection_string, "Endpoint"))
        return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)

    @property
    def is_emulator(self) -> bool:
        """Whether the connection is to an emulator, which speaks without TLS.

        The client takes this from the connection string (Service Bus emulator documentation).
        """
        return _setting(self.connection_string, "UseDevelopmentEmulator") == "true"

    def client(self) -> ServiceBusClient:
        """Make the client; it connects when a receiver or sender is opened."""
        options: dict[str, Any] = {"transport_type": self.transport_type, **self.options}
        if self.custom_endpoint:
            options["custom_endpoint_address"] = self.custom_endpoint
        if self.ca_file:
            options["connection_verify"] = str(self.ca_file)
        if self.ssl_context:
            options["ssl_context"] = self.ssl_context
        if self.connection_string:
            return ServiceBusClient.from_connection_string(self.connection_string, **options)
        assert self.credential is not None  # noqa: S101 - `__post_init__` made sure
        return ServiceBusClient(self.namespace, self.credential, **options)


class Connection:
    """An open client with its senders."""

    def __init__(self, client: ServiceBusClient, url: str) -> None:
        self.client = client
        self.url = url
        self._senders: dict[str, Sender] = {}

    def receiver(self, address: Address, *, prefetch: int = 0) -> ServiceBusReceiver:
        """Make a receiver; it is opened on first use, and each has a connection of its own."""
        options: dict[str, Any] = {
            "prefetch_count": prefetch,
            "sub_queue": address.native_sub_queue,
        }
        if address.subscription:
            return self.client.get_subscription_receiver(
                address.entity, address.subscription, **options
            )
        return self.client.get_queue_receiver(address.entity, **options)

    def sender(self, entity: str) -> Sender:
        """Return the one sender for a queue or topic."""
        if entity not in self._senders:
            self._senders[entity] = Sender(self, entity)
        return self._senders[entity]

    async def close(self) -> None:
        await asyncio.gather(*(sender.close() for sender in self._senders.values()))
        self._senders.clear()
        await closed(self.client)


class Sender:
    """Sends one message at a time: the client's senders are not made for several tasks.

    The API reference of azure-servicebus, ServiceBusSender: "not coroutine-safe".
    """

    def __init__(self, connection: Connection, entity: str) -> None:
        self._connection = connection
        self._entity = entity
        self._turn = asyncio.Lock()
        self._native: ServiceBusSender | None = None

    async def send(self, envelope: Envelope, seconds: float | None = None) -> None:
        """Send, and return when Service Bus has stored it.

        Raises `PermanentError` for a message that is too large and else `TransientError`. After a
        failure, or when it is cancelled, the next message gets a new link. Without a limit the
        client would wait for ever for an answer that was lost.
        """
        async with self._turn:
            try:
                await self._send(self._opened(), envelope, seconds or SEND_SECONDS)
            except BaseException as error:
                await self.close()
                if isinstance(error, Exception):
                    raise explained(error, self._connection.url, self._entity) from error
                raise

    async def _send(self, native: ServiceBusSender, envelope: Envelope, seconds: float) -> None:
        message = written(envelope)
        if len(envelope.body) > LARGE_BYTES:
            # The client tells a message that is too large like a connection that broke, so it is
            # measured before. On Premium a message may be larger than a batch: Azure judges.
            batch = await native.create_message_batch()
            if batch.max_size_in_bytes <= STANDARD_BYTES:
                batch.add_message(message)
        await native.send_messages(message, timeout=seconds)

    async def close(self) -> None:
        native, self._native = self._native, None
        if native:
            await closed(native)

    def _opened(self) -> ServiceBusSender:
        if self._native is None:
            # A topic's name goes where a queue's goes: on the wire both are a target's address.
            self._native = self._connection.client.get_queue_sender(self._entity)
        return self._native


async def closed(part: ServiceBusClient | ServiceBusSender | ServiceBusReceiver) -> None:
    """Close a part of the client, whatever state it is in, within a few seconds."""
    # It is thrown away, and what it leaves locked comes back when its lock ends.
    with suppress(Exception):
        await asyncio.wait_for(part.close(), CLOSE_SECONDS)


def _setting(connection_string: str, name: str) -> str:
    """Return one setting of a connection string, whose names may be in any case."""
    for part in connection_string.split(";"):
        key, _, value = part.partition("=")
        if key.strip().lower() == name.lower():
            return value.strip()
    return ""
