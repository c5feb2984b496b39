"""The buses that every promise is kept on: inside PostgreSQL, over RabbitMQ, over Service Bus.

All tests here share one database, emptied before each: making one takes longer than most of them.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from shared.database import Cluster, catalogue
from shared.database.migrator import migrate
from tests.support.bus import Rig, empty_database, empty_rabbit, empty_service_bus
from tests.support.database import PASSWORDS, Database, execute, run_apart
from tests.support.leftovers import bears_leftovers, clients_ended, leftovers_collected
from tests.support.namespace import Namespace, service_bus
from tests.support.rabbitmq import rabbitmq

__all__ = ["embedded", "external", "namespaced", "rabbitmq", "rig", "service_bus"]

NAME = "bus_of_all_tests"


@pytest.fixture(scope="session")
def bus_database(postgres: Cluster) -> Iterator[Database]:
    """A database with the bus and the services' inboxes, and without the services' own tables."""
    nothing = Path(__file__).parent / "no_migrations"
    run_apart(
        migrate(
            postgres.url(NAME),
            PASSWORDS,
            folder_of=lambda schema: catalogue.migrations(schema) if schema == "bus" else nothing,
        )
    )
    # The test server may lose commits when it is killed, for speed; here they must hold.
    run_apart(
        execute(postgres.url("postgres"), f"ALTER DATABASE {NAME} SET synchronous_commit = on")
    )
    yield Database(NAME, postgres)
    run_apart(execute(postgres.url("postgres"), f"DROP DATABASE {NAME} WITH (FORCE)"))


@pytest.fixture(autouse=True)
async def _clients_ended() -> AsyncIterator[None]:
    yield
    await clients_ended()


@asynccontextmanager
async def opened(database: Database) -> AsyncIterator[Rig]:
    async with Rig.opened(database) as rig:
        await empty_database(database)
        await rig.switch("")
        yield rig


@pytest.fixture
async def embedded(bus_database: Database) -> AsyncIterator[Rig]:
    """A rig on the bus inside PostgreSQL."""
    async with opened(bus_database) as rig:
        yield rig


@pytest.fixture
async def external(bus_database: Database, request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    """A rig on RabbitMQ, with empty queues."""
    node = request.getfixturevalue("rabbitmq")
    async with opened(bus_database) as rig:
        await rig.switch(node.url)
        await empty_rabbit(node.url)
        yield rig


@pytest.fixture
async def namespaced(bus_database: Database, service_bus: Namespace) -> AsyncIterator[Rig]:
    """A rig on Service Bus, with empty queues."""
    with leftovers_collected():
        async with opened(bus_database) as rig:
            await rig.switch(service_bus.url)
            await empty_service_bus(service_bus.url)
            rig.lose_locks = service_bus.lose_locks
            yield rig


FIXTURES = {"postgresql": "embedded", "rabbitmq": "external", "servicebus": "namespaced"}


@pytest.fixture(
    params=[
        "postgresql",
        pytest.param("rabbitmq", marks=pytest.mark.rabbitmq),
        pytest.param("servicebus", marks=bears_leftovers),
    ]
)
def rig(request: pytest.FixtureRequest) -> Rig:
    """The same test on all buses."""
    found: Rig = request.getfixturevalue(FIXTURES[request.param])
    return found
