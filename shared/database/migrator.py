"""`certifyclouds migrate`: everything that must stand before a service starts.

Any number of migrators may run at once: one works, the others poll for the lock and then find
nothing to do. They poll because a session that waits inside the server holds a snapshot, and
CREATE INDEX CONCURRENTLY waits for every snapshot: a deadlock.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from shared.database import catalogue
from shared.database.access import apply_view_grants, protect_version_tables
from shared.database.bootstrap import bootstrap, check_bootstrapped, may_bootstrap
from shared.database.catalogue import SCHEMAS, SERVICES, head, owner
from shared.database.connect import Connection, connect
from shared.database.migrations import run_sql
from shared.database.revisions import upgrade
from shared.errors import TransientError

LOCK_KEY: Final = int.from_bytes(
    hashlib.sha256(b"certifyclouds.migrate").digest()[:8], "big", signed=True
)
LOCK_SECONDS: Final = 180.0
POLL_SECONDS: Final = 0.2
_NAME: Final = "certifyclouds migrate"


async def migrate(
    admin_url: str,
    passwords: Mapping[str, str],
    bus_url: str = "",
    bus_url_previous: str | None = None,
    *,
    folder_of: Callable[[str], Path] = catalogue.migrations,
) -> None:
    """Make the database, roles, schemas, tables, view grants and the bus's topology.

    `admin_url` names an administrator (CREATEROLE and CREATEDB suffice) and the database to make;
    or `migrator`, once an administrator has prepared the database. `passwords` holds one password
    per login role.

    Raises `SettingsError` when the role may not do it, `SchemaError` when a migration fails, a
    granted view is missing or the database is newer than this code understands, and
    `TransientError` when another migrator holds the lock for longer than three minutes.
    """
    await create_database(admin_url)
    connection = await connect(admin_url, _NAME)
    try:
        async with _locked(connection):
            if await may_bootstrap(connection):
                await bootstrap(connection, passwords)
            else:
                await check_bootstrapped(connection)
            for schema in SCHEMAS:
                await _migrate_schema(admin_url, connection, schema, folder_of(schema))
            present = {s for s in SERVICES if head(folder_of(s)) is not None}
            await apply_view_grants(connection, present)
            await _create_topology(connection, bus_url, bus_url_previous)
    finally:
        await connection.close()


async def create_database(admin_url: str) -> None:
    """Create the database that `admin_url` names, unless it is there."""
    try:
        connection = await connect(admin_url, _NAME)
    except asyncpg.InvalidCatalogNameError:
        parts = urlsplit(admin_url)
        connection = await connect(urlunsplit(parts._replace(path="/postgres")), _NAME)
        name = parts.path.removeprefix("/")
        statement = await connection.fetchval("SELECT format('CREATE DATABASE %I', $1::text)", name)
        try:
            await connection.execute(statement)
        except (asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
            return  # another migrator was faster
        finally:
            await connection.close()
    else:
        await connection.close()


async def _migrate_schema(
    admin_url: str, connection: Connection, schema: str, folder: Path
) -> None:
    """Bring one schema up to date; one without migrations has its inbox and nothing else."""
    if schema in SERVICES:
        await _create_inbox(connection, schema)
    if head(folder) is not None:
        await upgrade(admin_url, schema, folder)
        await protect_version_tables(connection, schema)


async def _create_inbox(connection: Connection, schema: str) -> None:
    """Give a service the table in which its handlers note the messages that they have handled."""
    file = catalogue.ROOT / "shared" / "bus" / "inbox.sql"
    exists = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM pg_tables WHERE schemaname = $1 AND tablename = 'inbox')",
        schema,
    )
    if exists:
        return
    async with acting_as(connection, schema):
        await run_sql(connection, file)


async def _create_topology(connection: Connection, url: str, previous: str | None) -> None:
    """Create the queues, without a transaction of ours: leaving a broker needs commits in between.

    The import waits until here, because the bus itself imports this package.
    """
    from shared.bus import topology  # noqa: PLC0415 - see above

    await connection.execute(f'SET ROLE "{owner("bus")}"')
    try:
        await topology.create(connection, url, previous)
    finally:
        if not connection.is_closed():
            await connection.execute("RESET ROLE")


@asynccontextmanager
async def acting_as(connection: Connection, schema: str) -> AsyncIterator[None]:
    """Act as the owner of `schema`, in it and in one transaction."""
    async with connection.transaction():
        await connection.execute(f'SET LOCAL ROLE "{owner(schema)}"')
        await connection.execute(f'SET LOCAL search_path = "{schema}"')
        yield


@asynccontextmanager
async def _locked(connection: Connection) -> AsyncIterator[None]:
    deadline = asyncio.get_running_loop().time() + LOCK_SECONDS
    while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK_KEY):
        if asyncio.get_running_loop().time() > deadline:
            raise TransientError(
                f"Another migration has been running for {LOCK_SECONDS:g} s. Wait for it to end,"
                " or see what it does in pg_stat_activity, and start again."
            )
        await asyncio.sleep(POLL_SECONDS)
    try:
        yield
    finally:
        if not connection.is_closed():
            await connection.execute("SELECT pg_advisory_unlock($1)", LOCK_KEY)
