"""One database for all tests of the scanner, emptied before each, and the rig on it."""

from collections.abc import AsyncIterator, Iterator
from typing import Final
from uuid import uuid4

import pytest

from shared.database import Cluster, Pool
from shared.database.bootstrap import database_privileges
from tests.support.database import TEMPLATE, Database, execute, run_apart
from tests.support.scanner import FakeCloud, Rig, SentTable

_SENT: Final = (
    """
    CREATE TABLE scanner.test_sent (
        n bigint GENERATED ALWAYS AS IDENTITY, id uuid PRIMARY KEY, type text NOT NULL,
        body jsonb NOT NULL, correlation_id uuid)
    """,
    "GRANT SELECT, INSERT, UPDATE, DELETE ON scanner.test_sent TO scanner",
)
# Not TRUNCATE: it makes new files for every index, which takes longer than a test.
_EMPTY: Final = """
    DELETE FROM scanner.threshold_backlog; DELETE FROM scanner.threshold;
    DELETE FROM scanner.sweep_clock;
    DELETE FROM scanner.credential; DELETE FROM scanner.application_change;
    DELETE FROM scanner.application; DELETE FROM scanner.announcement; DELETE FROM scanner.change;
    DELETE FROM scanner.item;
    DELETE FROM scanner.scan_vault; DELETE FROM scanner.shard;
    DELETE FROM scanner.schedule_run; DELETE FROM scanner.schedule;
    DELETE FROM scanner.posture_day; DELETE FROM scanner.feed_kept;
    DELETE FROM scanner.scan;
    DELETE FROM scanner.budget;
    DELETE FROM scanner.staged; DELETE FROM scanner.vault; DELETE FROM scanner.subscription;
    DELETE FROM scanner.permission_check;
    UPDATE scanner.permission_turn
    SET wanted_at = NULL, wanted_by = NULL, holder = NULL, lease_until = NULL;
    DELETE FROM scanner.inbox; DELETE FROM scanner.test_sent;
    DELETE FROM bus.delivery; DELETE FROM bus.message; DELETE FROM bus.dead_letter
"""


@pytest.fixture(scope="session")
def scanner_database(migrated: Cluster) -> Iterator[Database]:
    """A migrated database with a table that stands in for the bus's outbox."""
    found = Database(f"test_{uuid4().hex}", migrated)
    server = migrated.url("postgres")
    run_apart(execute(server, f"CREATE DATABASE {found.name} TEMPLATE {TEMPLATE}"))
    run_apart(_prepare(found))
    yield found
    run_apart(execute(server, f"DROP DATABASE {found.name} WITH (FORCE)"))


async def _prepare(database: Database) -> None:
    async with database.connection() as admin:
        await database_privileges(admin)  # a template does not pass these on
        for statement in _SENT:
            await admin.execute(statement)


@pytest.fixture
def database(scanner_database: Database) -> Database:
    """The scanner's test database, empty. Making one for each test would take most of the time."""
    run_apart(execute(scanner_database.url(), _EMPTY))
    return scanner_database


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[Pool]:
    """The scanner's pool, as its own role."""
    async with database.pool("scanner") as pool:
        yield pool


@pytest.fixture
def rig(pool: Pool) -> Rig:
    """The scanner with an empty cloud."""
    return Rig(pool=pool, cloud=FakeCloud(), outbox=SentTable(pool))
