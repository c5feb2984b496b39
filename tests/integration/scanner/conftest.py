"""A database with an outbox table, and the rig on it."""

from collections.abc import AsyncIterator

import pytest

from shared.database import Pool
from tests.support.database import Database
from tests.support.scanner import FakeCloud, Rig, SentTable


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[Pool]:
    """The scanner's pool, as its own role."""
    async with database.connection() as admin:
        await admin.execute(
            """
            CREATE TABLE scanner.test_sent (
                n bigint GENERATED ALWAYS AS IDENTITY, id uuid PRIMARY KEY, type text NOT NULL,
                body jsonb NOT NULL, correlation_id uuid);
            GRANT SELECT, INSERT, UPDATE, DELETE ON scanner.test_sent TO scanner;
            """
        )
    async with database.pool("scanner") as pool:
        yield pool


@pytest.fixture
def rig(pool: Pool) -> Rig:
    """The scanner with an empty cloud."""
    return Rig(pool=pool, cloud=FakeCloud(), outbox=SentTable(pool))
