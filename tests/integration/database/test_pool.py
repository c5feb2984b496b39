"""The pool: deadlines, JSON, transactions, notifications."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from shared.database import Cluster, Pool, create_pool
from shared.database import listen as listen_module
from shared.database.connect import connect
from shared.database.migrations import run_sql
from shared.errors import TransientError
from tests.support.database import Database


async def test_a_service_reaches_its_own_schema_first(database: Database) -> None:
    async with database.pool("scanner") as pool:
        row = await pool.fetchrow("SELECT current_user AS who, current_schema() AS schema")

    assert row
    assert (row["who"], row["schema"]) == ("scanner", "scanner")


async def test_json_columns_are_python_values_both_ways(database: Database) -> None:
    value = {"a": [1, None, "é"], "b": True}
    async with database.pool("scanner") as pool:
        assert await pool.fetchval("SELECT $1::jsonb", value) == value
        assert await pool.fetchval("SELECT $1::json", value) == value
        uid = await pool.fetchval("SELECT gen_random_uuid()")
        assert await pool.fetchval("SELECT $1::jsonb", [uid]) == [str(uid)]
        with pytest.raises(asyncpg.DataError, match="not JSON serializable"):
            await pool.fetchval("SELECT $1::jsonb", object())


async def test_a_transaction_is_kept_whole_or_not_at_all(database: Database) -> None:
    await prepare_table(database)
    async with database.pool("scanner") as pool:
        async with pool.transaction() as connection:
            await connection.execute("INSERT INTO scanner.note VALUES (1)")
        with pytest.raises(ValueError, match="no"):
            await insert_and_fail(pool)

        assert await pool.fetch("SELECT n FROM scanner.note") == [(1,)]


async def insert_and_fail(pool: Pool) -> None:
    async with pool.transaction() as connection:
        await connection.execute("INSERT INTO scanner.note VALUES (2)")
        raise ValueError("no")


async def prepare_table(database: Database) -> None:
    async with database.connection() as admin:
        await admin.execute("SET ROLE scanner_owner")
        await admin.execute("CREATE TABLE scanner.note (n integer PRIMARY KEY)")


async def test_a_pool_without_a_free_connection_says_so_in_time(database: Database) -> None:
    async with database.pool("scanner", max_size=1) as pool:
        async with pool.acquire():
            pool._acquire_seconds = 0.05
            with pytest.raises(TransientError, match=r"within 0.05 s: 1 of 1 are open, 0 idle"):
                await pool.execute("SELECT 1")
        pool._acquire_seconds = 60
        assert await pool.fetchval("SELECT 1") == 1


async def test_a_database_that_is_not_there_is_transient_and_the_pool_can_be_made(
    postgres: Cluster,
) -> None:
    url = postgres.url("postgres", "scanner", "x").replace(f":{postgres.port}/", ":1/")
    pool = await create_pool(url, service="scanner")
    try:
        with pytest.raises(TransientError, match="ConnectionRefusedError"):
            await pool.execute("SELECT 1")
    finally:
        await pool.close()


async def test_a_server_whose_name_is_not_found_is_transient() -> None:
    pool = await create_pool("postgresql://x@no-such-host.invalid/x", service="scanner")
    with pytest.raises(TransientError, match="tried again"):
        await pool.fetchval("SELECT 1")
    await pool.close()


async def test_an_error_of_ours_comes_through_as_it_is(database: Database) -> None:
    await prepare_table(database)
    async with database.pool("scanner") as pool:
        await pool.execute("INSERT INTO scanner.note VALUES (1)")

        with pytest.raises(asyncpg.UniqueViolationError):
            await pool.execute("INSERT INTO scanner.note VALUES (1)")


async def test_a_statement_that_takes_too_long_is_transient(database: Database) -> None:
    async with database.pool("scanner") as pool, pool.acquire() as connection:
        await connection.execute("SET statement_timeout = '10ms'")
        with pytest.raises(asyncpg.QueryCanceledError):
            await connection.execute("SELECT pg_sleep(5)")
    async with database.pool("scanner") as pool:
        with pytest.raises(TransientError, match="QueryCanceledError"):
            await sleep_in_vain(pool)


async def sleep_in_vain(pool: Pool) -> None:
    async with pool.transaction() as connection:
        await connection.execute("SET LOCAL statement_timeout = '10ms'")
        await connection.execute("SELECT pg_sleep(5)")


async def test_a_standby_makes_the_pool_look_for_the_primary(database: Database) -> None:
    await prepare_table(database)
    async with database.pool("scanner", max_size=1) as pool:
        first = await pool.fetchval("SELECT pg_backend_pid()")
        with pytest.raises(TransientError, match="ReadOnlySQLTransactionError"):
            await write_read_only(pool)

        assert await pool.fetchval("SELECT pg_backend_pid()") != first


async def write_read_only(pool: Pool) -> None:
    async with pool.transaction() as connection:
        await connection.execute("SET TRANSACTION READ ONLY")
        await connection.execute("INSERT INTO scanner.note VALUES (1)")


async def test_connections_that_were_cut_are_replaced(database: Database) -> None:
    async with database.pool("scanner", max_size=2) as pool, database.connection() as admin:
        async with pool.acquire(), pool.acquire():
            pass
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'scanner'"
        )
        answers = []
        while len(answers) < 4:
            try:
                answers.append(await pool.fetchval("SELECT 1"))
            except TransientError:
                continue

    assert answers == [1, 1, 1, 1]


async def test_closing_does_not_wait_for_ever_for_a_lent_connection(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.database.pool.CLOSE_SECONDS", 0.01)
    pool = await create_pool(database.url("scanner"), service="scanner")
    async with pool.acquire() as connection:
        await connection.execute("SELECT 1")

        await pool.close()

        with pytest.raises(asyncpg.InterfaceError):
            await connection.execute("SELECT 1")


async def test_every_notification_arrives_and_a_lost_connection_comes_back(
    database: Database,
) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    async with database.pool("gateway") as pool, database.connection() as admin:
        async with pool.listen("news", heard.put_nowait):
            assert await heard.get() == ""
            await pool.execute("SELECT pg_notify('news', 'one')")
            assert await heard.get() == "one"

            await admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'gateway listen'"
            )
            assert await heard.get() == ""
            await pool.execute("SELECT pg_notify('news', 'two')")
            assert await heard.get() == "two"

        assert heard.empty()


async def test_a_listener_that_cannot_connect_keeps_trying(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts = 0

    async def fail_twice(url: str, name: str) -> object:
        nonlocal attempts
        attempts += 1
        if attempts <= 2:
            raise ConnectionRefusedError
        return await connect(url, name)

    monkeypatch.setattr(listen_module, "connect", fail_twice)
    monkeypatch.setattr(listen_module, "FIRST_PAUSE_SECONDS", 0.001)
    heard: asyncio.Queue[str] = asyncio.Queue()
    async with database.pool("gateway") as pool, pool.listen("news", heard.put_nowait):
        assert await heard.get() == ""

    assert attempts == 3


async def test_a_silent_connection_is_probed(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listen_module, "PROBE_SECONDS", 0.01)
    heard: asyncio.Queue[str] = asyncio.Queue()
    async with (
        database.pool("gateway") as pool,
        database.connection() as admin,
        pool.listen("news", heard.put_nowait),
    ):
        await heard.get()
        query = "SELECT query FROM pg_stat_activity WHERE application_name = 'gateway listen'"
        while await admin.fetchval(query) != "SELECT 1":
            await admin.execute("SELECT pg_sleep(0.01)")


async def test_a_file_of_statements_runs_in_one_go(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "script.sql"
    file.write_text("CREATE TABLE scanner.a (n int);\n-- é\nCREATE TABLE scanner.b (n int);\n")
    async with database.connection() as admin:
        await run_sql(admin, file)

        assert await admin.fetchval("SELECT count(*) FROM scanner.b") == 0


async def test_a_transaction_that_was_left_open_ends_before_the_connection_is_lent_again(
    database: Database,
) -> None:
    await prepare_table(database)
    async with database.pool("scanner", max_size=1) as pool:
        async with pool.acquire() as connection:
            await connection.execute("BEGIN; INSERT INTO scanner.note VALUES (1)")
        async with pool.acquire() as connection:
            assert not connection.is_in_transaction()
            assert await connection.fetch("SELECT n FROM scanner.note") == []
