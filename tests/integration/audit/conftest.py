"""The audit log of one test, written and sealed for real."""

from collections.abc import AsyncIterator

import pytest

from tests.support.audit import Log
from tests.support.database import Database


@pytest.fixture
async def log(database: Database) -> AsyncIterator[Log]:
    async with database.pool("gateway") as pool:
        yield Log(database, pool)
