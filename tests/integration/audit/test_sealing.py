"""Writing and sealing: rights, order, and nobody in anybody's way."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from shared.audit import (
    Action,
    AuditEntry,
    Checkpoint,
    Sealer,
    export_log,
    record,
    to_file,
    verify_export,
)
from shared.audit import sealer as sealer_module
from shared.audit.log import read_log
from shared.database import SERVICES
from tests.support.audit import Log

FULL: dict[str, Any] = {
    "outcome": "refused",
    "correlation_id": uuid4(),
    "address": "2001:db8::1",
    "scope": "é, 日本",
    "reason": "12:34,-,",
    "amount": 2**62,
    "before": "b",
    "after": "x" * 300,
}


async def test_every_service_may_write_and_only_the_gateway_may_read(log: Log) -> None:
    for service in SERVICES:
        await log.write(1, role=service)
        if service == "gateway":
            continue
        async with log.database.connection(service) as connection:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.fetch("SELECT id FROM audit.entry")

    rows = await log.pool.fetch("SELECT service FROM audit.entry ORDER BY id")
    assert [row["service"] for row in rows] == list(SERVICES)


async def test_the_databases_own_testimony_cannot_be_forged(log: Log) -> None:
    async with log.database.connection("scanner") as connection:
        for column in ("id", "service", "at", "xid"):
            with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.GeneratedAlwaysError)):
                await connection.execute(
                    f"INSERT INTO audit.entry (action, actor, subject, outcome, {column})"  # noqa: S608 - our own words
                    " VALUES ('scan:requested', 'a', 'b', 'done', DEFAULT)"
                )


async def test_nobody_changes_the_log_not_even_its_owner(log: Log) -> None:
    await log.seal(1)
    columns = {"entry": "actor", "seal": "hash", "checkpoint": "key_id"}
    async with log.database.connection() as admin:
        for role in ("scanner", "gateway", "audit_owner"):
            await admin.execute(f"SET ROLE {role}")
            for table, column in columns.items():
                for statement in (
                    f"UPDATE audit.{table} SET {column} = {column}",  # noqa: S608 - our own words
                    f"DELETE FROM audit.{table}",  # noqa: S608 - our own words
                    f"TRUNCATE audit.{table}",
                ):
                    with pytest.raises(asyncpg.InsufficientPrivilegeError):
                        await admin.execute(statement)


async def test_even_the_gateway_cannot_write_a_seal_by_hand(log: Log) -> None:
    async with log.database.connection("gateway") as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(
                "INSERT INTO audit.seal (position, entry_id, sealed_at, hash)"
                " VALUES (1, 1, now(), sha256(''))"
            )
    async with log.database.connection("scanner") as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetchval("SELECT audit.seal_entries(now(), 1)")


async def test_the_record_falls_with_the_act(log: Log) -> None:
    entry = AuditEntry(action=Action.SCAN_REQUESTED, actor="anna", subject="scan")
    async with log.database.connection("scanner") as connection:
        transaction = connection.transaction()
        await transaction.start()
        await record(connection, entry)
        await transaction.rollback()

    assert await log.sealer().seal() == 0


async def test_what_the_database_chains_is_what_python_verifies(log: Log) -> None:
    await log.write(1)
    await log.write(1, role="gateway", **{**FULL, "before": None})
    await log.write(1, **{**FULL, "before": "é" * 300, "reason": ""})

    await log.sealed(3)

    result = await log.verify()
    assert result.intact, result.problem
    assert (result.sealed, result.pending, result.checkpoints) == (3, 0, 0)


async def test_positions_have_no_gaps_even_where_transactions_failed(log: Log) -> None:
    async with log.database.connection("scanner") as connection:
        for number in range(6):
            transaction = connection.transaction()
            await transaction.start()
            await record(
                connection,
                AuditEntry(action=Action.SCAN_STARTED, actor="anna", subject=str(number)),
            )
            await (transaction.rollback() if number % 2 else transaction.commit())

    await log.sealed(3)
    assert [row["position"] for row in await positions(log)] == [1, 2, 3]


async def positions(log: Log) -> list[asyncpg.Record]:
    return await log.pool.fetch(
        """
        SELECT s.position, e.subject, e.xid::text::bigint AS xid
          FROM audit.seal AS s JOIN audit.entry AS e ON e.id = s.entry_id
         ORDER BY s.position
        """
    )


async def test_an_open_transaction_holds_back_what_came_after_it_and_blocks_nobody(
    log: Log,
) -> None:
    async with log.database.connection("scanner") as slow:
        transaction = slow.transaction()
        await transaction.start()
        await record(
            slow, AuditEntry(action=Action.SCAN_STARTED, actor="anna", subject="first begun")
        )
        await log.write(2, role="rotator")

        assert await log.sealer().seal() == 0
        assert (await log.verify()).pending == 2

        await transaction.commit()

    await log.sealed(3)
    assert (await positions(log))[0]["subject"] == "first begun"


async def test_a_writer_never_waits_for_the_sealer(log: Log) -> None:
    await log.write(1)
    async with log.pool.transaction() as connection:
        while not await connection.fetchval("SELECT audit.seal_entries('epoch', 10)"):
            continue

        await asyncio.wait_for(log.write(3, role="rotator"), 10)


async def test_sealers_on_several_replicas_make_one_chain(log: Log) -> None:
    async def seal_for_a_while() -> int:
        sealer = log.sealer()
        return sum([await sealer.seal() for _ in range(20)])

    *_, first, second, third = await asyncio.gather(
        log.write(15, role="scanner"),
        log.write(15, role="rotator"),
        log.write(15, role="syncer"),
        seal_for_a_while(),
        seal_for_a_while(),
        seal_for_a_while(),
    )

    await log.sealed(45 - first - second - third)
    assert (await log.verify()).intact


async def test_a_sealer_sends_a_second_one_away_at_once(log: Log) -> None:
    await log.write(1)
    async with log.pool.transaction() as connection:
        await connection.fetchval("SELECT audit.seal_entries('epoch', 10)")

        assert await log.sealer().seal() == 0


async def test_more_than_a_batch_is_sealed_in_one_go(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealer_module, "BATCH", 2)
    await log.write(5)

    await log.sealed(5)


async def test_what_was_left_by_a_long_stop_is_sealed_at_the_next_start(log: Log) -> None:
    await log.tamper(
        "INSERT INTO audit.entry (at, action, actor, subject, outcome)"
        " VALUES (now() - interval '9 days', 'scan:requested', 'anna', 'old', 'done')"
    )
    sealer = log.sealer()

    await log.sealed(1, sealer)
    await log.write(1)
    await log.sealed(1, sealer)
    assert (await log.verify()).intact


async def test_entries_of_a_restored_server_are_sealed_too(log: Log) -> None:
    await log.tamper(
        "INSERT INTO audit.entry (xid, action, actor, subject, outcome)"
        " VALUES ('99999999', 'scan:requested', 'anna', 'from elsewhere', 'done')"
    )

    await log.sealed(1)


async def test_a_head_is_signed_exported_and_stored_once(log: Log) -> None:
    sealer = log.sealer()
    assert await sealer.checkpoint() is None
    await log.write(2)
    await log.sealed(2, sealer)

    first = await sealer.checkpoint()

    assert first
    assert first.position == 2
    assert log.exported == [first]
    assert await sealer.checkpoint() is None
    assert await log.pool.fetchval("SELECT count(*) FROM audit.checkpoint") == 1


async def test_a_failed_export_leaves_nothing_that_looks_exported(log: Log) -> None:
    def fail(_: Checkpoint) -> None:
        raise OSError("disk full")

    await log.write(1)
    sealer = Sealer(log.pool, key=log.key, export=fail)
    await log.sealed(1, sealer)

    with pytest.raises(OSError, match="disk full"):
        await sealer.checkpoint()

    assert await log.pool.fetchval("SELECT count(*) FROM audit.checkpoint") == 0


async def test_the_running_sealer_seals_signs_and_ends_with_a_last_checkpoint(log: Log) -> None:
    signed = asyncio.Event()
    loop = asyncio.get_running_loop()

    def export(checkpoint: Checkpoint) -> None:
        log.exported.append(checkpoint)
        loop.call_soon_threadsafe(signed.set)

    sealer = Sealer(log.pool, key=log.key, export=export, seal_seconds=0.01, checkpoint_seconds=0.0)
    running = asyncio.create_task(sealer.run())
    await log.write(1)
    await signed.wait()
    await log.write(1)

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert log.exported[-1].position == 2


async def test_the_log_is_exported_and_verified_without_the_database(
    log: Log, tmp_path: Path
) -> None:
    await log.write(2, **FULL)
    await log.sealed(2)
    await log.sealer().checkpoint()
    await log.write(1)
    file = tmp_path / "log.jsonl"
    checkpoints = tmp_path / "checkpoints.jsonl"
    for checkpoint in log.exported:
        to_file(checkpoints)(checkpoint)
    with file.open("wb") as stream:
        async with log.pool.acquire() as connection:
            assert await export_log(connection, stream.write) == 3

    good = verify_export(file, log.public, log.exported)
    assert good.intact, good.problem
    assert (good.sealed, good.pending, good.checkpoints) == (2, 1, 1)

    file.write_bytes(file.read_bytes().replace(b"anna", b"bert", 1))
    assert "(position 1) is not what was sealed" in str(
        verify_export(file, log.public, log.exported).problem
    )


async def test_the_log_is_read_in_the_order_of_the_chain(log: Log) -> None:
    await log.seal(3)
    async with log.pool.transaction() as connection:
        lines = [line async for line in read_log(connection)]

    assert [seal.position for seal, _ in lines if seal] == [1, 2, 3]
