"""Changing SECRET_KEY: under load, cut off anywhere, and never a key that does not open."""

import asyncio
from collections import Counter
from json import loads
from pathlib import Path
from secrets import token_hex

import pytest

from services.gateway.domain.keyring import Rotated
from services.gateway.steps.keys import open_keyring
from services.gateway.steps.rotate_keys import rotate_keys
from services.gateway.steps.secret_keys import SecretKeys
from services.gateway.store.keys import read_keyring
from shared.clock import utc_now
from shared.crypto import DataKey, DecryptionError, WrappingKey
from shared.database import Pool
from shared.errors import PermanentError, SettingsError
from tests.support.database import Database
from tests.support.gateway import SECRET_KEY, running_gateway
from tests.support.keys import (
    HOLD,
    PURPOSES,
    FailingPool,
    Grace,
    Load,
    PowerCutError,
    ended,
    killed_at,
    rotate_command,
    start,
)

NEW = token_hex(32)


async def wrapped(pool: Pool) -> dict[str, str]:
    rows = await pool.fetch("SELECT purpose, wrapped FROM gateway.keyring")
    return {row["purpose"]: row["wrapped"] for row in rows}


async def acts(pool: Pool) -> Counter[str]:
    """Return how often each act of a rotation is in the audit log."""
    rows = await pool.fetch("SELECT action FROM audit.entry WHERE action LIKE 'key%'")
    return Counter(row["action"] for row in rows)


async def rotate(pool: Pool, *secrets: str) -> Rotated:
    return await rotate_keys(pool, SecretKeys(*secrets), utc_now)


async def test_a_start_with_both_keys_wraps_nothing_so_that_old_replicas_may_still_start(
    database: Database,
) -> None:
    async with database.pool("gateway") as pool:
        known = await start(pool, SECRET_KEY)
        before = await wrapped(pool)
        beside = await start(pool, NEW, SECRET_KEY)
        again = await start(pool, SECRET_KEY)
        after = await wrapped(pool)

    assert known == beside == again
    assert before == after


async def test_the_new_key_alone_opens_all_and_the_old_one_nothing(database: Database) -> None:
    async with database.pool("gateway") as pool:
        known = await start(pool, SECRET_KEY)
        before = await wrapped(pool)
        done = await rotate(pool, NEW, SECRET_KEY)
        again = await rotate(pool, NEW, SECRET_KEY)
        after = await wrapped(pool)

        assert await start(pool, NEW) == known
        with pytest.raises(SettingsError, match="SECRET_KEY_PREVIOUS to the old one"):
            await start(pool, SECRET_KEY)
        async with pool.acquire() as conn:
            stored = await read_keyring(conn)
        for one in stored:
            with pytest.raises(DecryptionError):
                WrappingKey(SECRET_KEY, one.derivation).unwrap(one.wrapped, purpose=str(one.name))

    assert (done, again) == (Rotated(keys=4, wrapped=4), Rotated(keys=4, wrapped=0))
    assert len(stored) == len(PURPOSES)
    assert not set(before.values()) & set(after.values())


async def test_whoever_goes_back_to_the_old_key_turns_the_two_around(database: Database) -> None:
    async with database.pool("gateway") as pool:
        known = await start(pool, SECRET_KEY)
        await rotate(pool, NEW, SECRET_KEY)

        assert await start(pool, SECRET_KEY, NEW) == known
        await rotate(pool, SECRET_KEY, NEW)
        assert await start(pool, SECRET_KEY) == known


async def test_a_power_cut_at_any_step_loses_no_key_and_the_next_run_goes_on(
    database: Database,
) -> None:
    """Before and after each statement and commit, once; each rotation turns the keys around."""
    old, new = SECRET_KEY, NEW
    async with database.pool("gateway") as pool:
        known = await start(pool, old)
        cuts, left_behind = 0, set()
        while True:
            try:
                await rotate_keys(FailingPool(pool, cuts), SecretKeys(new, old), utc_now)  # type: ignore[arg-type]
                break
            except PowerCutError:
                assert await start(pool, new, old) == known
                assert await start(pool, old, new) == known
                rest = await rotate(pool, new, old)
                left_behind.add(rest.wrapped)
            assert await start(pool, new) == known
            with pytest.raises(SettingsError):
                await start(pool, old)
            cuts, old, new = cuts + 1, new, old
        recorded = await acts(pool)

    # For each key three statements and a commit, then the last entry, then a look that finds none.
    assert cuts == 4 * (3 + 1) * 2 + 2 + (1 + 1) * 2
    assert left_behind == {4, 3, 2, 1, 0}
    assert recorded == {"key:wrapped": 4 * (cuts + 1), "keys:rotated": cuts + 1}


async def test_two_rotations_at_once_share_the_keys(database: Database) -> None:
    async with database.pool("gateway") as pool:
        known = await start(pool, SECRET_KEY)
        both = await asyncio.gather(*(rotate(pool, NEW, SECRET_KEY) for _ in range(2)))

        assert await start(pool, NEW) == known
        assert sum(one.wrapped for one in both) == 4
        assert await acts(pool) == {"key:wrapped": 4, "keys:rotated": 1}


async def test_a_rotation_that_goes_on_uses_the_salt_of_what_is_done(database: Database) -> None:
    async with database.pool("gateway") as pool:
        await start(pool, SECRET_KEY)
        with pytest.raises(PowerCutError):
            await rotate_keys(FailingPool(pool, 20), SecretKeys(NEW, SECRET_KEY), utc_now)  # type: ignore[arg-type]
        await rotate(pool, NEW, SECRET_KEY)

        assert await pool.fetchval("SELECT count(DISTINCT salt) FROM gateway.keyring") == 1


@pytest.mark.parametrize(
    ("secrets", "sentence"),
    [
        ((token_hex(32),), "SECRET_KEY cannot open"),
        ((token_hex(32), token_hex(32)), "SECRET_KEY and SECRET_KEY_PREVIOUS cannot open"),
        ((SECRET_KEY, SECRET_KEY), "the same as SECRET_KEY"),
    ],
)
async def test_wrong_keys_are_refused_and_nothing_is_changed(
    database: Database, secrets: tuple[str, ...], sentence: str
) -> None:
    async with database.pool("gateway") as pool:
        known, before = await start(pool, SECRET_KEY), await wrapped(pool)
        with pytest.raises(SettingsError, match=sentence) as refused:
            await rotate(pool, *secrets)

        assert (await start(pool, SECRET_KEY), await wrapped(pool)) == (known, before)
        assert not [secret for secret in secrets if secret in str(refused.value)]
        assert not await acts(pool)


async def test_one_key_of_somebody_else_stops_a_rotation_before_it_begins(
    database: Database,
) -> None:
    async with database.pool("gateway") as pool:
        await start(pool, SECRET_KEY)
        await pool.execute("UPDATE gateway.keyring SET wrapped = 'cc1:x' WHERE purpose = 'session'")
        before = await wrapped(pool)
        with pytest.raises(SettingsError, match="“session”"):
            await rotate(pool, NEW, SECRET_KEY)

        assert await wrapped(pool) == before


async def test_a_wrapping_that_does_not_open_again_is_never_stored(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with database.pool("gateway") as pool:
        await start(pool, SECRET_KEY)
        before, real = await wrapped(pool), WrappingKey.wrap

        def another(self: WrappingKey, key: DataKey, *, purpose: str) -> str:
            del key
            return real(self, DataKey.fresh(), purpose=purpose)

        monkeypatch.setattr(WrappingKey, "wrap", another)
        with pytest.raises(PermanentError, match="stays as it was"):
            await rotate(pool, NEW, SECRET_KEY)

        assert await wrapped(pool) == before


async def test_without_keys_there_is_nothing_to_change(database: Database) -> None:
    async with database.pool("gateway") as pool:
        with pytest.raises(PermanentError, match="a gateway makes them"):
            await rotate(pool, NEW, SECRET_KEY)


async def test_half_a_keyring_gets_the_missing_keys_and_keeps_the_others(
    database: Database,
) -> None:
    async with database.pool("gateway") as pool:
        known = await start(pool, SECRET_KEY)
        await pool.execute("DELETE FROM gateway.keyring WHERE purpose = 'fingerprint'")
        keyring = await open_keyring(pool, SecretKeys(SECRET_KEY), utc_now)
        again = await start(pool, SECRET_KEY)

    assert {name for name in PURPOSES if known[name] != again[name]} == {"fingerprint"}
    assert keyring.audit.fingerprint("x")


@pytest.mark.slow
async def test_under_load_and_killed_at_every_key_nobody_notices(
    database: Database, tmp_path: Path
) -> None:
    """Real processes end by SIGKILL inside each key's transaction; people sign in all the while."""
    both = {"secret_key": NEW, "secret_key_previous": SECRET_KEY}
    variables = {name.upper(): value for name, value in both.items()}
    async with (
        running_gateway(database, tmp_path) as running,
        database.connection() as conn,
    ):
        grace = await Grace.enrolled(running)
        load = Load(database, tmp_path, running, grace, both)
        known, before = await start(running.pool, SECRET_KEY), await wrapped(running.pool)
        await conn.execute(HOLD)
        async with load.going_on():
            for done, purpose in enumerate(PURPOSES):
                async with killed_at(database, purpose, **variables):
                    await load.once()
                await load.once()
                now = await wrapped(running.pool)
                assert [name for name in PURPOSES if now[name] != before[name]] == [
                    *PURPOSES[:done]
                ]
                assert await start(running.pool, NEW, SECRET_KEY) == known
            code, told, _ = await ended(await rotate_command(database, "--json", **variables))
            await load.once()

        assert (code, loads(told)["keys"], loads(told)["wrapped_now"]) == (0, 4, 1)
        assert await start(running.pool, NEW) == known
        with pytest.raises(SettingsError):
            await start(running.pool, SECRET_KEY)
        async with running_gateway(database, tmp_path, secret_key=NEW, clock=grace.clock) as after:
            await grace.sign_in(after)
        assert await acts(running.pool) == {"key:wrapped": 4, "keys:rotated": 1}
    print(f"{grace.signed_in} sign-ins, {load.started} starts")
    assert load.started >= 9
