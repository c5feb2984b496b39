"""An estate, a clock and a desk for each test."""

from collections.abc import AsyncIterator

import pytest

from services.alerting.steps import Desk
from tests.support.alerting import Clock, Estate, desk_of
from tests.support.database import Database


@pytest.fixture
async def estate(database: Database) -> Estate:
    estate = Estate(database)
    await estate.fill()
    return estate


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def desk(database: Database, clock: Clock) -> AsyncIterator[Desk]:
    async with desk_of(database, clock) as desk:
        yield desk
