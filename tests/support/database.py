"""A real PostgreSQL for tests: one embedded server per run, one database per test.

`database` gives a test a database of its own, made from a template that was migrated once.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import pytest

from shared.database import LOGIN_ROLES, Cluster, Pool, create_pool
from shared.database.bootstrap import database_privileges
from shared.database.connect import OwnConnection, connect
from shared.database.migrator import migrate

T = TypeVar("T")
TEMPLATE = "template_certifyclouds"
PASSWORDS = {role: f"{role}-password-for-tests" for role in LOGIN_ROLES}
FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
}


@dataclass(frozen=True, slots=True)
class Database:
    """One test's database: URLs, connections and pools per role ("postgres" is the superuser)."""

    name: str
    cluster: Cluster

    def url(self, role: str = "postgres") -> str:
        return self.cluster.url(self.name, role, PASSWORDS.get(role))

    async def connect(self, role: str = "postgres") -> OwnConnection:
        return await connect(self.url(role), f"test as {role}")

    @asynccontextmanager
    async def connection(self, role: str = "postgres") -> AsyncIterator[OwnConnection]:
        connection = await self.connect(role)
        try:
            yield connection
        finally:
            await connection.close()

    @asynccontextmanager
    async def pool(self, role: str, *, max_size: int = 5) -> AsyncIterator[Pool]:
        pool = await create_pool(self.url(role), service=role, max_size=max_size)
        try:
            yield pool
        finally:
            await pool.close()


def run_apart(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in a thread: fixtures never touch the test's event loop."""
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(asyncio.run, work).result()


async def execute(url: str, *statements: str) -> None:
    """Run statements one by one on a connection of their own."""
    connection = await connect(url, "test set-up")
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """The embedded server of this test run, without databases of ours."""
    with (
        tempfile.TemporaryDirectory(prefix="certifyclouds-test-", dir="/var/tmp") as folder,
        started(Path(folder)) as cluster,
    ):
        yield cluster


def started(folder: Path) -> Cluster:
    folder.chmod(0o711)  # root runs the server as somebody else, who must be able to enter
    return Cluster(folder, settings=FAST)


@pytest.fixture(scope="session")
def migrated(postgres: Cluster) -> Cluster:
    """The same server, with the template that every test's database is made from."""
    run_apart(migrate(postgres.url(TEMPLATE), PASSWORDS))
    return postgres


@pytest.fixture
def database(migrated: Cluster) -> Iterator[Database]:
    """A database for one test."""
    with another_database(migrated) as database:
        yield database


@contextmanager
def another_database(migrated: Cluster) -> Iterator[Database]:
    """Make a freshly migrated database and drop it afterwards, whoever is connected."""
    database = Database(f"test_{uuid4().hex}", migrated)
    run_apart(_create(database))
    yield database
    statement = f"DROP DATABASE {database.name} WITH (FORCE)"
    run_apart(execute(migrated.url("postgres"), statement))


async def _create(database: Database) -> None:
    await execute(
        database.cluster.url("postgres"),
        f"CREATE DATABASE {database.name} TEMPLATE {TEMPLATE} STRATEGY file_copy",
    )
    async with database.connection() as connection:
        await database_privileges(connection)  # a template does not pass these on
