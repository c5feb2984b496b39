"""A gateway that lets a test ask as often as it likes."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest

from tests.support.database import Database
from tests.support.fuzz import HELD
from tests.support.gateway import Gateway, SeedItem, running_gateway, seed_estate
from tests.support.rotations import hold

LIMITS = {"requests_per_minute": 100_000, "logins_per_minute": 1000}


@pytest.fixture
async def gateway(database: Database, tmp_path: Path) -> AsyncIterator[Gateway]:
    """One replica over an estate of two vaults and a rotation; a stream ends at once."""
    async with running_gateway(database, tmp_path, **LIMITS) as replica:
        replica.parts.hub.closed = True
        await seed_estate(database, [SeedItem(name=f"n{n}", vault=1 + n % 2) for n in range(6)])
        await hold(database, 1, 2, credential=UUID(HELD))
        yield replica
