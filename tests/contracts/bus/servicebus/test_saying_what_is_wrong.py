"""What is wrong is said in words that tell what to do, and when the broker starts."""

import pytest
from azure.servicebus import TransportType
from faststream.exceptions import IncorrectState, SetupError

from shared.bus.broker.servicebus import ServiceBusBroker
from shared.errors import TransientError
from tests.support.service_bus import CLIENT, NOWHERE, QUICK, OnTheEmulator


async def test_a_missing_queue_is_an_error_at_the_start_that_says_what_to_do(
    on_the_emulator: OnTheEmulator,
) -> None:
    rig = on_the_emulator
    broker = rig.make()

    @broker.subscriber("nowhere")
    async def handle(_: str) -> None: ...

    with pytest.raises(TransientError, match="has no nowhere"):
        await broker.start()
    assert not broker.running
    async with broker:
        with pytest.raises(TransientError, match="Create the queue, topic or subscription"):
            await broker.publish("x", "nothing")
        with pytest.raises(SetupError, match="Name the queue or the topic"):
            await broker.publish("x")


async def test_a_wrong_key_is_an_error_that_says_what_to_compare_and_never_shows_it(
    on_the_emulator: OnTheEmulator,
) -> None:
    rig = on_the_emulator
    rig.queue("orders")
    wrong = rig.emulator.connection_string.replace("SharedAccessKey=", "SharedAccessKey=d3Jvbmc")
    broker = ServiceBusBroker(wrong, timing=QUICK, client_options=CLIENT)

    @broker.subscriber("orders")
    async def handle(_: str) -> None: ...

    with pytest.raises(TransientError, match="compare SharedAccessKeyName") as raised:
        await broker.start()
    assert "d3Jvbmc" not in str(raised.value)
    async with broker:
        assert not await broker.ping(5)
        with pytest.raises(TransientError, match="does not accept the credential for orders"):
            await broker.publish("x", "orders")


async def test_a_namespace_that_is_not_there_is_an_error_that_says_what_to_check() -> None:
    broker = ServiceBusBroker(
        NOWHERE.replace("localhost", "localhost:1"), timing=QUICK, client_options=CLIENT
    )

    @broker.subscriber("orders")
    async def handle(_: str) -> None: ...

    assert not await broker.ping(1)
    with pytest.raises(TransientError, match="Is the name right"):
        await broker.start()


async def test_ping_asks_the_namespace(on_the_emulator: OnTheEmulator) -> None:
    rig = on_the_emulator
    rig.queue("orders")
    broker = rig.make()
    async with broker:
        assert await broker.ping(5), "a broker that uses nothing is answered too"
    broker.subscriber("orders")
    async with broker:
        assert await broker.ping(5)
        assert await broker.ping(5)
        rig.namespace.delete("orders")
        rig.emulator.drop_connections()
        assert not await broker.ping(5)


async def test_a_broker_that_is_not_connected_says_so() -> None:
    broker = ServiceBusBroker(NOWHERE)
    with pytest.raises(IncorrectState, match="connect"):
        await broker.publish("x", "orders")
    with pytest.raises(IncorrectState, match="connect"):
        _ = broker.client
    with pytest.raises(SetupError, match="either to a queue or to a topic"):
        await broker.publish("x", "orders", topic="events")


class Identity:
    """An identity of azure-identity, as far as it goes here."""

    async def get_token(self, *_: str, **__: object) -> object:
        raise AssertionError("nothing is connected")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"namespace": "x.servicebus.windows.net"},
        {"connection_string": "Endpoint=sb://x", "namespace": "x", "credential": Identity()},
    ],
)
def test_one_way_to_sign_in_is_needed(options: dict[str, object]) -> None:
    with pytest.raises(SetupError, match="either a connection string, or"):
        ServiceBusBroker(**options)  # type: ignore[arg-type]


async def test_an_identity_a_gateway_and_a_certificate_authority_reach_the_client() -> None:
    broker = ServiceBusBroker(
        namespace="x.servicebus.windows.net",
        credential=Identity(),  # type: ignore[arg-type]
        custom_endpoint="sb://gateway.example:5671",
        ca_file="ca.pem",
        transport_type=TransportType.Amqp,
    )
    async with broker:
        config = broker.client._config
        assert broker.client.fully_qualified_namespace == "x.servicebus.windows.net"
        assert config.custom_endpoint_hostname == "gateway.example"
        assert (config.connection_port, config.connection_verify) == (5671, "ca.pem")
        assert config.transport_type is TransportType.Amqp
    assert broker.specification.url == ["amqps://x.servicebus.windows.net"]
    assert broker.specification.protocol == "amqps"
