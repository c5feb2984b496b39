"""The oldest entries may go; what stays is verified from a signed checkpoint on."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from services.cli.audit import _intact
from shared.audit import Checkpoint, prune, verify_export
from shared.audit.log import export_log
from tests.support.audit import Log

LONG_AGO = timedelta(days=500)


def before() -> datetime:
    return datetime.now(UTC) - timedelta(days=400)


async def aged(log: Log, count: int) -> None:
    """Write, seal and sign entries, as if 500 days ago: with a chain that says so."""
    await log.seal(count)
    await log.tamper(
        f"UPDATE audit.entry SET at = at - interval '{LONG_AGO.days} days'"  # noqa: S608 - our own
        " WHERE at > now() - interval '1 day'",
        f"UPDATE audit.seal SET sealed_at = sealed_at - interval '{LONG_AGO.days} days'"  # noqa: S608
        " WHERE sealed_at > now() - interval '1 day'",
        """
        DO $$
        DECLARE s audit.seal; last bytea := decode(repeat('00', 32), 'hex');
        BEGIN
            FOR s IN SELECT * FROM audit.seal ORDER BY position LOOP
                UPDATE audit.seal AS t SET hash = (
                    SELECT audit.link(last, s.position, s.sealed_at, e)
                      FROM audit.entry AS e WHERE e.id = s.entry_id)
                 WHERE t.position = s.position RETURNING t.hash INTO last;
            END LOOP;
        END $$
        """,
        "DELETE FROM audit.checkpoint",
        "ALTER TABLE audit.entry ENABLE ALWAYS TRIGGER deny_change",
        "ALTER TABLE audit.seal ENABLE ALWAYS TRIGGER deny_change",
        "ALTER TABLE audit.checkpoint ENABLE ALWAYS TRIGGER deny_change",
    )
    log.exported.clear()
    await log.sealer().checkpoint()


async def entries(log: Log) -> int:
    found: int = await log.pool.fetchval("SELECT count(*) FROM audit.entry")
    return found


async def test_old_entries_go_up_to_a_checkpoint_and_the_rest_verifies(log: Log) -> None:
    await aged(log, 20)
    await log.seal(5)

    assert await prune(log.pool, before=before()) == 20

    await log.sealed(1)
    await log.sealer().checkpoint()
    result = await log.verify(log.exported)
    assert (result.intact, result.sealed, result.pruned) == (True, 26, 20), result.problem
    assert await entries(log) == 6
    assert await prune(log.pool, before=before()) == 0


async def test_it_is_on_record_by_the_database_itself(log: Log) -> None:
    await aged(log, 4)
    await log.seal(1)

    await prune(log.pool, before=before())

    row = await log.pool.fetchrow(
        "SELECT service, actor, subject, amount FROM audit.entry WHERE action = 'audit:pruned'"
    )
    assert row is not None
    assert tuple(row) == ("gateway", "gateway", "position 4", 4)
    assert (await log.verify(log.exported)).intact  # although it is not sealed yet


async def test_an_export_of_the_rest_verifies_with_its_checkpoints_and_only_with_them(
    log: Log, tmp_path: Path
) -> None:
    await aged(log, 10)
    await log.seal(3)
    await prune(log.pool, before=before())
    file = tmp_path / "audit.jsonl"
    with file.open("wb") as out:
        async with log.pool.acquire() as conn:
            await export_log(conn, out.write)

    assert verify_export(file, log.public, log.exported).intact
    said = _intact(verify_export(file, log.public, log.exported))
    assert said.startswith("Intact: 3 entries in the chain, 1 not sealed yet. 10 older ones were")
    without = verify_export(file, log.public, [])
    assert "give the exported checkpoints" in str(without.problem)


async def test_nothing_without_a_checkpoint_goes_nor_the_newest_link(log: Log) -> None:
    await aged(log, 6)
    assert await prune(log.pool, before=before()) == 0  # the checkpoint is the newest link

    await log.write(2)
    await log.sealed(2)
    await log.tamper("DELETE FROM audit.checkpoint")
    assert await prune(log.pool, before=before()) == 0
    assert await entries(log) == 8


async def test_a_small_batch_goes_on_from_checkpoint_to_checkpoint(log: Log) -> None:
    await aged(log, 9)
    first = await log.pool.fetchrow("SELECT position, hash FROM audit.seal WHERE position = 3")
    assert first is not None
    signed = Checkpoint.sign(log.key, position=3, hash_=first["hash"], at=before())
    await log.pool.execute(
        "INSERT INTO audit.checkpoint (position, hash, at, key_id, signature)"
        " VALUES ($1, $2, $3, $4, $5)",
        3,
        signed.hash,
        signed.at,
        signed.key_id,
        signed.signature,
    )
    await log.seal(1)

    assert await log.pool.fetchval("SELECT audit.prune($1, 4)", before()) == 3
    assert (await log.verify(log.exported)).intact
    assert await prune(log.pool, before=before(), most=4) == 6
    assert (await log.verify(log.exported)).intact


async def test_what_is_younger_than_ninety_days_is_never_deleted(log: Log) -> None:
    await log.seal(5)

    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="last 90 days"):
        await prune(log.pool, before=datetime.now(UTC) - timedelta(days=89))


async def test_only_the_gateway_prunes_and_nobody_deletes_otherwise(log: Log) -> None:
    await aged(log, 3)
    async with log.database.pool("scanner") as pool:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pool.fetchval("SELECT audit.prune($1, 10)", before())
    async with log.database.connection() as owner:
        for table in ("entry", "seal", "checkpoint"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
                await owner.execute(f"DELETE FROM audit.{table}")  # noqa: S608 - our own words


async def test_a_beginning_that_was_cut_off_by_hand_is_found(log: Log) -> None:
    await log.seal(4)
    await log.seal(4)
    await log.tamper(
        "DELETE FROM audit.entry WHERE id IN (SELECT entry_id FROM audit.seal WHERE position <= 4)",
        "DELETE FROM audit.seal WHERE position <= 4",
    )

    assert "its beginning was cut off" in str((await log.verify(log.exported)).problem)


async def test_a_checkpoint_that_nobody_trusts_is_no_beginning(log: Log) -> None:
    await aged(log, 4)
    await log.seal(2)
    await prune(log.pool, before=before())
    await log.tamper("UPDATE audit.checkpoint SET hash = sha256('x') WHERE position = 4")

    assert "wrong signature" in str((await log.verify()).problem)
