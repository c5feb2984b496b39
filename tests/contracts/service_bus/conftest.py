"""A namespace behind the emulator, and the real client that talks to it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from azure.servicebus.aio import ServiceBusClient

from sandbox.service_bus import Emulator, Namespace
from sandbox.service_bus.entities.rules import CorrelationFilter
from tests.support.leftovers import bears_leftovers, leftovers_collected


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Bear that the client forgets the socket of a connection that was torn down."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(bears_leftovers)


@pytest.fixture(autouse=True)
async def collected() -> AsyncIterator[None]:
    """Each test here uses the client."""
    with leftovers_collected():
        yield


@pytest.fixture
def namespace() -> Namespace:
    made = Namespace()
    made.create_queue("orders", lock_seconds=30, max_delivery_count=3)
    made.create_topic("events")
    made.create_subscription("events", "all")
    made.create_queue("scanner.scan")
    made.create_subscription(
        "events",
        "scanner.scan",
        rules={"type": CorrelationFilter(label="scan-requested.v1")},
        forward_to="scanner.scan",
    )
    return made


@pytest.fixture
async def emulator(namespace: Namespace) -> AsyncIterator[Emulator]:
    async with Emulator(namespace) as serving:
        yield serving


@pytest.fixture
async def client(emulator: Emulator) -> AsyncIterator[ServiceBusClient]:
    async with ServiceBusClient.from_connection_string(
        emulator.connection_string, retry_total=1, retry_backoff_factor=0.05
    ) as opened:
        yield opened
