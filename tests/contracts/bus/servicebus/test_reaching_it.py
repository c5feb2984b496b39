"""An identity, TLS with a certificate authority of one's own, and links that Azure detaches."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from time import time

import pytest
from azure.core.credentials import AccessToken
from azure.servicebus import TransportType

from sandbox import pki
from sandbox.service_bus import Emulator, Namespace
from sandbox.service_bus.authority import Authority
from sandbox.service_bus.errors import BusError
from shared.bus.broker.servicebus import ServiceBusBroker
from shared.errors import TransientError
from tests.support.service_bus import CLIENT, QUICK, OnTheEmulator, until


class Identity:
    """An identity of azure-identity, as far as the client uses it."""

    def __init__(self) -> None:
        self.scopes: list[str] = []

    async def get_token(self, *scopes: str, **_: object) -> AccessToken:
        self.scopes += scopes
        return AccessToken("a.signed.token", int(time()) + 3600)


@asynccontextmanager
async def gateway(listener: pki.Listener, port: int) -> AsyncIterator[int]:
    """Take TLS on a port of the loopback interface, and pass what is inside on to another port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(listener.certificate_file, listener.key_file)
    tasks: set[asyncio.Task[None]] = set()

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError):
                while data := await reader.read(65536):
                    writer.write(data)
                    await writer.drain()
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
        for pair in ((reader, inner_writer), (inner_reader, writer)):
            tasks.add(asyncio.create_task(copy(*pair)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_managed_identity_reaches_the_namespace_through_a_gateway_over_tls(
    tmp_path: Path,
) -> None:
    tokens: list[str] = []
    authority = Authority({}, check_jwt=tokens.append)
    namespace, identity, seen = Namespace(), Identity(), []
    namespace.create_queue("orders")
    listener = pki.ensure(tmp_path)
    async with (
        Emulator(namespace, authority) as emulator,
        gateway(listener, emulator.port) as port,
    ):

        def make(ca_file: Path | None) -> ServiceBusBroker:
            return ServiceBusBroker(
                namespace="localhost",
                credential=identity,  # type: ignore[arg-type]
                custom_endpoint=f"sb://localhost:{port}",
                transport_type=TransportType.Amqp,
                ca_file=ca_file,
                timing=QUICK,
                client_options=CLIENT,
            )

        broker = make(listener.ca_file)

        @broker.subscriber("orders")
        async def handle(body: str) -> None:
            seen.append(body)

        await broker.start()
        await broker.publish("x", "orders")
        await until(lambda: seen)
        await broker.stop()
        assert set(tokens) == {"a.signed.token"}
        assert set(identity.scopes) == {"https://servicebus.azure.net//.default"}
        async with make(None) as stranger:
            with pytest.raises(TransientError, match="localhost"):
                await stranger.publish("x", "orders")


async def test_links_that_were_detached_for_idleness_are_opened_again(
    on_the_emulator: OnTheEmulator,
) -> None:
    rig, seen = on_the_emulator, []
    rig.queue("orders")
    broker = rig.make()
    # Service Bus documentation, "AMQP 1.0 in Azure Service Bus: protocol guide": a link without
    # traffic is detached after ten minutes.
    idle = BusError("amqp:link:detach-forced", "The link was idle for 10 minutes.")

    @broker.subscriber("orders", max_workers=2)
    async def handle(body: int) -> None:
        seen.append(body)

    async with rig.running(broker):
        for n in range(2):
            await broker.publish(n, "orders")
            await until(lambda n=n: n in seen)
            for link in list(rig.namespace.queue("orders").links):
                link.detach(idle)
        await broker.publish(2, "orders")
        await until(lambda: 2 in seen)
        await until(lambda: broker.consuming)
