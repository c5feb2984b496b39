"""The two buses that every promise is kept on: inside PostgreSQL, and over RabbitMQ."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from tests.support.bus import Rig, empty_rabbit
from tests.support.database import Database
from tests.support.rabbitmq import rabbitmq

__all__ = ["embedded", "external", "rabbitmq", "rig"]


@pytest.fixture
async def embedded(database: Database) -> AsyncIterator[Rig]:
    """A rig on the bus inside PostgreSQL."""
    async with AsyncExitStack() as stack:
        yield Rig(database, "", stack)


@pytest.fixture
async def external(database: Database, request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    """A rig on RabbitMQ, with empty queues."""
    node = request.getfixturevalue("rabbitmq")
    async with AsyncExitStack() as stack:
        rig = Rig(database, "", stack)
        await rig.switch(node.url)
        await empty_rabbit(node.url)
        yield rig


@pytest.fixture(
    params=["postgresql", pytest.param("rabbitmq", marks=pytest.mark.rabbitmq)],
)
async def rig(request: pytest.FixtureRequest, database: Database) -> AsyncIterator[Rig]:
    """The same tests on both buses."""
    async with AsyncExitStack() as stack:
        made = Rig(database, "", stack)
        if request.param == "rabbitmq":
            node = request.getfixturevalue("rabbitmq")
            await made.switch(node.url)
            await empty_rabbit(node.url)
        yield made
