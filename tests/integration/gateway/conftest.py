"""Fixtures of the gateway's integration tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.database import Database
from tests.support.gateway import Gateway, running_gateway


@pytest.fixture
async def gateway(database: Database, tmp_path: Path) -> AsyncIterator[Gateway]:
    """One replica on a database of its own."""
    async with running_gateway(database, tmp_path) as replica:
        yield replica
