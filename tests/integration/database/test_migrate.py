"""Migrations against a real server: who may run them, how often, and how many at once."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from shared.database import SCHEMAS, SERVICES, Cluster, create_pool, wait_for_schema
from shared.database import migrator as migrator_module
from shared.database.access import apply_view_grants
from shared.database.catalogue import ROOT, owner
from shared.database.connect import OwnConnection, connect
from shared.database.migrator import LOCK_KEY, migrate
from shared.errors import SchemaError, SettingsError, TransientError
from tests.support.database import PASSWORDS, Database, execute, run_apart

# One interpreter that forks, because fifteen interpreters spend their time on imports, one by one.
MIGRATE = """
import asyncio, os, sys, traceback
from shared.bus import topology
from shared.database.migrator import migrate
from tests.support.database import PASSWORDS

def child(url):
    try:
        asyncio.run(migrate(url, PASSWORDS))
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)

url = sys.stdin.readline().strip()
children = [os.fork() or child(url) for _ in range(15)]
print([os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children])
"""
NO_MIGRATIONS = Path("/nonexistent")


@pytest.fixture
def empty(postgres: Cluster) -> Iterator[Database]:
    """The name of a database that does not exist yet; the server may know our roles already."""
    name = f"empty_{uuid4().hex}"
    yield Database(name, postgres)
    run_apart(execute(postgres.url("postgres"), f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Give the scanner's schema a folder of the test's own, and no other schema any migration."""

    def folder_of(schema: str) -> Path:
        return tmp_path if schema == "scanner" else NO_MIGRATIONS

    async def no_topology(*_: object) -> None:
        return

    monkeypatch.setattr(migrator_module, "_create_topology", no_topology)
    monkeypatch.setattr("shared.database.schema.migrations", folder_of)
    monkeypatch.setattr(migrator_module, "apply_view_grants", no_topology)
    return folder_of


def add_migration(folder: Path, number: int, sql: str, floor: str | None = None) -> None:
    name, before = f"{number:04}", f"{number - 1:04}" if number > 1 else None
    (folder / f"{name}_test.sql").write_text(sql)
    (folder / f"{name}_test.py").write_text(
        '"""A migration of a test."""\n'
        "from shared.database.migrations import run_sql_beside\n"
        f"revision = {name!r}\ndown_revision = {before!r}\n"
        + (f"floor = {floor!r}\n" if floor else "")
        + "def upgrade():\n    run_sql_beside(__file__)\n"
    )


@asynccontextmanager
async def connected(database: Database, role: str = "postgres") -> AsyncIterator[OwnConnection]:
    connection = await connect(database.url(role), "test")
    try:
        yield connection
    finally:
        await connection.close()


async def test_fifteen_migrators_at_once_do_it_once(empty: Database) -> None:
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", MIGRATE],
        input=empty.url() + "\n",
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
    )

    assert done.stdout.strip() == str([0] * 15), done.stderr
    async with connected(empty) as connection:
        for schema in SCHEMAS:
            versions = f"SELECT count(*) FROM {schema}.schema_version"  # noqa: S608 - our own names
            assert await connection.fetchval(versions) == 1
        assert await connection.fetchval("SELECT count(*) FROM pg_index WHERE NOT indisvalid") == 0


async def test_an_administrator_who_is_no_superuser_can_do_it_and_do_it_again(
    azure: Cluster,
) -> None:
    url = azure.url("certifyclouds", "azure_admin", "azure")

    await migrate(url, PASSWORDS)
    await migrate(url, PASSWORDS)

    pool = await create_pool(
        azure.url("certifyclouds", "scanner", PASSWORDS["scanner"]), service="scanner"
    )
    try:
        for schema in ("bus", "audit", "scanner"):
            await wait_for_schema(pool, schema)
        assert await pool.fetchval("SELECT count(*) FROM scanner.inbox") == 0
    finally:
        await pool.close()
    await migrate(azure.url("certifyclouds", "migrator", PASSWORDS["migrator"]), {})


@pytest.fixture
def azure(state: Path) -> Iterator[Cluster]:
    """A server whose administrator has CREATEROLE and CREATEDB and nothing else."""
    with Cluster(state, settings={"fsync": "off"}) as cluster:
        run_apart(
            execute(
                cluster.url("postgres"),
                "CREATE ROLE azure_admin LOGIN CREATEROLE CREATEDB PASSWORD 'azure'",
            )
        )
        yield cluster


async def test_the_migrator_cannot_begin_and_says_who_can(
    empty: Database, migrated: Cluster
) -> None:
    await execute(migrated.url("postgres"), f"CREATE DATABASE {empty.name}")

    with pytest.raises(SettingsError, match="once with an administrator's URL"):
        await migrate(empty.url("migrator"), {})


async def test_an_administrator_who_does_not_own_the_database_gets_a_sentence(
    azure: Cluster,
) -> None:
    await execute(azure.url("postgres"), "CREATE DATABASE certifyclouds")

    with pytest.raises(SettingsError, match="it must own the database"):
        await migrate(azure.url("certifyclouds", "azure_admin", "azure"), PASSWORDS)


async def test_a_new_password_is_taken_over_and_never_sent_in_clear(database: Database) -> None:
    async with connected(database) as connection:
        before = await connection.fetchval(
            "SELECT rolpassword FROM pg_authid WHERE rolname = 'licensing'"
        )
    await migrate(database.url(), {"licensing": "kx81-quite-new"})
    try:
        changed = await asyncpg.connect(
            database.cluster.url(database.name, "licensing", "kx81-quite-new")
        )
        await changed.close()
    finally:
        await execute(database.url(), f"ALTER ROLE licensing PASSWORD '{before}'")

    assert "kx81-quite-new" not in database.cluster.log.read_text()


async def test_a_migration_that_fails_names_its_file_and_line_and_changes_nothing(
    empty: Database, folder: Callable[[str], Path], tmp_path: Path
) -> None:
    add_migration(tmp_path, 1, "CREATE TABLE first (n integer);")
    add_migration(tmp_path, 2, "CREATE TABLE second (n integer);\nCREATE TABEL third ();")

    with pytest.raises(SchemaError, match=r"0002_test.sql failed near line 2: syntax error"):
        await migrate(empty.url(), PASSWORDS, folder_of=folder)

    async with connected(empty) as connection:
        assert await connection.fetchval("SELECT version_num FROM scanner.schema_version") == "0001"
        assert await connection.fetchval("SELECT to_regclass('scanner.second')") is None


async def test_what_a_migration_makes_belongs_to_the_schemas_owner(
    empty: Database, folder: Callable[[str], Path], tmp_path: Path
) -> None:
    add_migration(tmp_path, 1, "CREATE TABLE first (n integer);")

    await migrate(empty.url(), PASSWORDS, folder_of=folder)

    async with connected(empty) as connection:
        assert (
            await connection.fetchval(
                "SELECT schemaname || ' ' || tableowner FROM pg_tables WHERE tablename = 'first'"
            )
            == "scanner scanner_owner"
        )


async def test_older_code_runs_on_a_newer_schema_until_the_floor_says_no(
    empty: Database, folder: Callable[[str], Path], tmp_path: Path
) -> None:
    add_migration(tmp_path, 1, "CREATE TABLE first (n integer);")
    add_migration(tmp_path, 2, "CREATE TABLE second (n integer);")
    await migrate(empty.url(), PASSWORDS, folder_of=folder)
    newest = [*tmp_path.glob("0002*")]
    kept = {path: path.read_text() for path in newest}
    for path in newest:
        path.unlink()
    async with empty.pool("scanner") as pool:
        await migrate(empty.url(), PASSWORDS, folder_of=folder)
        await wait_for_schema(pool, "scanner")

        for path, text in kept.items():
            path.write_text(text)
        add_migration(tmp_path, 3, "DROP TABLE first;", floor="0003")
        await migrate(empty.url(), PASSWORDS, folder_of=folder)
        for path in tmp_path.glob("0003*"):
            path.unlink()

        with pytest.raises(SchemaError, match="too new: it needs code that knows migration 0003"):
            await wait_for_schema(pool, "scanner")
        with pytest.raises(SchemaError, match="Install the newer release"):
            await migrate(empty.url(), PASSWORDS, folder_of=folder)


async def test_a_service_waits_for_its_schema_and_says_what_is_missing(
    empty: Database, folder: Callable[[str], Path], tmp_path: Path
) -> None:
    add_migration(tmp_path, 1, "CREATE TABLE first (n integer);")
    async with empty.pool("scanner") as pool:
        with pytest.raises(TransientError, match=r"not there yet|does not let this role in"):
            await wait_for_schema(pool, "scanner")
        await migrate(empty.url(), PASSWORDS, folder_of=lambda _: NO_MIGRATIONS)
        with pytest.raises(TransientError, match="is at nothing, this code needs 0001"):
            await wait_for_schema(pool, "scanner", seconds=0)
        waiting = asyncio.create_task(wait_for_schema(pool, "scanner", seconds=60))
        await migrate(empty.url(), PASSWORDS, folder_of=folder)
        await waiting
        await wait_for_schema(pool, "syncer")


async def test_a_role_that_is_refused_is_told_what_to_correct(migrated: Cluster) -> None:
    pool = await create_pool(migrated.url("postgres", "scanner", "wrong"), service="scanner")
    try:
        with pytest.raises(TransientError, match="correct the password in DATABASE_URL"):
            await wait_for_schema(pool, "audit")
    finally:
        await pool.close()


async def test_a_lock_that_is_never_freed_ends_in_a_sentence(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrator_module, "LOCK_SECONDS", 0.0)
    async with connected(database) as holder:
        await holder.execute("SELECT pg_advisory_lock($1)", LOCK_KEY)

        with pytest.raises(TransientError, match="Another migration has been running"):
            await migrate(database.url(), PASSWORDS)


async def test_a_granted_view_that_is_missing_is_an_error(database: Database) -> None:
    async with connected(database) as connection:
        with pytest.raises(SchemaError, match=r"do not exist: scanner\.v_absent"):
            await apply_view_grants(
                connection, SERVICES, {"gateway": ("scanner.v_item", "scanner.v_absent")}
            )


async def test_a_grant_that_left_the_table_is_taken_away(database: Database) -> None:
    async with connected(database) as connection:
        await connection.execute(f"SET ROLE {owner('scanner')}")
        await connection.execute("GRANT SELECT ON scanner.v_item TO licensing")
        await connection.execute("GRANT USAGE ON SCHEMA scanner TO licensing")
        await connection.execute("RESET ROLE")

        await apply_view_grants(connection, {"scanner"})

        right = "SELECT has_table_privilege($1, 'scanner.v_item', 'SELECT')"
        assert not await connection.fetchval(right, "licensing")
        assert await connection.fetchval(right, "rotator")


def test_schemas_are_migrated_bus_first_then_audit_then_services() -> None:
    assert SCHEMAS[:2] == ("bus", "audit")
    assert set(SCHEMAS[2:]) == set(SERVICES)
