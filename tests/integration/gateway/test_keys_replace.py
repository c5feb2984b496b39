"""Replacing data keys: every row is encrypted anew, cut off anywhere, and never one unreadable."""

import asyncio
from collections import Counter
from json import loads
from pathlib import Path
from secrets import token_hex

import asyncpg
import pytest

from services.gateway.domain.keyring import REPLACEABLE, KeyName, Purpose, Replaced
from services.gateway.domain.role import Role
from services.gateway.steps.keys import load_signing_keys, open_keyring
from services.gateway.steps.replace_keys import replace_data_keys
from services.gateway.steps.rotate_keys import rotate_keys
from services.gateway.steps.secret_keys import SecretKeys
from services.gateway.store import second_factors, users
from shared.clock import utc_now
from shared.crypto import DataKeys
from shared.database import Pool
from shared.errors import PermanentError
from tests.support.database import Database
from tests.support.gateway import SECRET_KEY, Gateway, TestClock, running_gateway
from tests.support.keys import (
    HOLD,
    FailingPool,
    Grace,
    Load,
    PowerCutError,
    ended,
    killed_at,
    rotate_command,
    start,
)

NAMES = ("grace", "hedy", "mary")
ROWS = len(NAMES) + 1  # and the key that signs sessions
SECRET_KEYS = SecretKeys(SECRET_KEY)


async def replace(pool: Pool) -> Replaced:
    return await replace_data_keys(pool, SECRET_KEYS, utc_now)


async def enrolled(gateway: Gateway) -> list[Grace]:
    return [await Grace.enrolled(gateway, name) for name in NAMES]


async def versions(pool: Pool) -> Counter[tuple[str, int]]:
    """Return how many rows need which key."""
    rows = await pool.fetch(
        """
        SELECT key_purpose, key_version FROM gateway.second_factor
         UNION ALL SELECT key_purpose, key_version FROM gateway.signing_key
        """
    )
    return Counter((row["key_purpose"], row["key_version"]) for row in rows)


async def kept(pool: Pool) -> set[str]:
    """Return the names of the data keys that there are."""
    rows = await pool.fetch("SELECT purpose, version FROM gateway.keyring")
    return {str(KeyName(**row)) for row in rows}


async def test_every_row_is_encrypted_anew_and_a_running_replica_goes_on(
    gateway: Gateway, database: Database, tmp_path: Path
) -> None:
    people = await enrolled(gateway)
    before = await start(gateway.pool, SECRET_KEY)
    done = await replace(gateway.pool)
    after = await start(gateway.pool, SECRET_KEY)
    for one in people:
        await one.sign_in(gateway)
    (tmp_path / "b").mkdir()
    async with running_gateway(database, tmp_path / "b", clock=gateway.clock) as fresh:
        for one in people:
            await one.sign_in(fresh)

    assert (tuple(done.purposes), done.rows) == (REPLACEABLE, ROWS)
    assert await versions(gateway.pool) == {("data", 2): len(NAMES), ("session", 2): 1}
    assert set(after) == {"audit", "data/2", "fingerprint", "session/2"}
    assert {name for name in before if after.get(name) == before[name]} == {"audit", "fingerprint"}
    acts = [(action, subject) for action, _, subject, _ in await gateway.actions()]
    assert [one for one in acts if one[0].startswith("key:")] == [
        ("key:made", "data/2"),
        ("key:made", "session/2"),
        ("key:retired", "data"),
        ("key:retired", "session"),
    ]


async def test_a_power_cut_at_any_step_leaves_every_row_readable_and_the_next_run_goes_on(
    gateway: Gateway,
) -> None:
    people = await enrolled(gateway)
    cuts, left_behind = 0, set()
    while True:
        had = await kept(gateway.pool)
        try:
            await replace_data_keys(FailingPool(gateway.pool, cuts), SECRET_KEYS, utc_now)  # type: ignore[arg-type]
            break
        except PowerCutError:
            await readable(gateway)
            begun = await kept(gateway.pool) != had
            left_behind.add((await replace(gateway.pool)).rows if begun else 0)
        await readable(gateway)
        assert sum((await versions(gateway.pool)).values()) == ROWS
        assert len(await kept(gateway.pool)) == 4
        cuts += 1
    for one in people:
        await one.sign_in(gateway)

    assert cuts > ROWS * 6
    assert left_behind == {*range(ROWS + 1)}


async def readable(gateway: Gateway) -> None:
    """Read every row, on the replica that runs and on one that starts."""
    fresh = await open_keyring(gateway.pool, SecretKeys(SECRET_KEY), utc_now)
    old = gateway.parts.second_factor.secrets
    for keys in (old, fresh.data):
        async with gateway.pool.transaction() as conn:
            rows = await conn.fetch("SELECT user_id, secret FROM gateway.second_factor")
            for row in rows:
                place = f"gateway.second_factor/{row['user_id']}"
                assert await keys.decrypt(conn, row["secret"], place=place)
    await gateway.parts.sign_in.tokens.refresh()
    assert await load_signing_keys(gateway.pool, fresh.session, TestClock())
    assert len(rows) == len(NAMES)


async def test_somebody_who_is_just_writing_with_the_old_key_is_waited_for(
    gateway: Gateway,
) -> None:
    """A key stays until the rows that it encrypted are there, and then they are found."""
    name = await gateway.add_user(Role.VIEWER)
    living = gateway.parts.second_factor.secrets
    async with gateway.pool.transaction() as conn:
        user = await users.get_user(conn, name)
        assert user is not None
        place = f"gateway.second_factor/{user.id}"
        stored = await living.encrypt(conn, b"secret", place=place)
        replacing = asyncio.create_task(replace(gateway.pool))
        await asyncio.sleep(0.5)
        assert not replacing.done()
        await second_factors.begin_factor(conn, user.id, stored, utc_now())
    done = await replacing
    async with gateway.pool.acquire() as conn:
        found = await second_factors.get_factor(conn, user.id)
        assert found is not None
        assert await living.decrypt(conn, found.secret, place=place) == b"secret"

    assert (stored[:6] == "cc1:2:", found.secret[:6] == "cc1:2:") == (False, True)
    assert done.rows == 2
    assert await versions(gateway.pool) == {("data", 2): 1, ("session", 2): 1}


async def test_a_replica_that_was_there_before_encrypts_with_the_new_key(gateway: Gateway) -> None:
    await replace(gateway.pool)
    await Grace.enrolled(gateway, "grace")

    assert await versions(gateway.pool) == {("data", 2): 1, ("session", 2): 1}


async def test_the_database_keeps_a_key_that_a_row_needs_and_refuses_a_row_without_one(
    gateway: Gateway,
) -> None:
    await enrolled(gateway)
    for statement in (
        "DELETE FROM gateway.keyring WHERE purpose = 'data'",
        "DELETE FROM gateway.keyring WHERE purpose = 'session'",
        "UPDATE gateway.second_factor SET secret = 'cc1:7:x'",
        "UPDATE gateway.signing_key SET private_key = 'cc1:7:x'",
    ):
        with pytest.raises(asyncpg.ForeignKeyViolationError):
            await gateway.pool.execute(statement)


async def test_two_runs_at_once_share_the_rows(gateway: Gateway) -> None:
    await enrolled(gateway)
    both = await asyncio.gather(replace(gateway.pool), replace(gateway.pool))
    await readable(gateway)

    assert len(await kept(gateway.pool)) == 4
    assert sum(one.rows for one in both) in {ROWS, 2 * ROWS}


async def test_again_makes_further_keys(gateway: Gateway) -> None:
    await enrolled(gateway)
    for _ in range(3):
        await replace(gateway.pool)
    await readable(gateway)

    assert await kept(gateway.pool) == {"audit", "data/4", "fingerprint", "session/4"}


async def test_while_the_old_secret_key_wraps_something_no_key_is_replaced(
    gateway: Gateway,
) -> None:
    with pytest.raises(PermanentError, match="that is changed first"):
        await replace_data_keys(gateway.pool, SecretKeys(token_hex(32), SECRET_KEY), utc_now)

    assert await kept(gateway.pool) == {str(KeyName(purpose)) for purpose in Purpose}


async def test_secret_key_is_changed_in_the_middle_of_replacing_keys(gateway: Gateway) -> None:
    await enrolled(gateway)
    new = token_hex(32)
    with pytest.raises(PowerCutError):
        await replace_data_keys(FailingPool(gateway.pool, 20), SECRET_KEYS, utc_now)  # type: ignore[arg-type]
    begun = await kept(gateway.pool)
    wrapped = await rotate_keys(gateway.pool, SecretKeys(new, SECRET_KEY), utc_now)
    await replace_data_keys(gateway.pool, SecretKeys(new), utc_now)

    assert (len(begun), wrapped.wrapped) == (6, 6)
    assert set(await start(gateway.pool, new)) == {"audit", "data/2", "fingerprint", "session/2"}
    assert await versions(gateway.pool) == {("data", 2): len(NAMES), ("session", 2): 1}


async def test_a_row_that_does_not_open_again_is_never_stored(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    await enrolled(gateway)
    real = DataKeys.encrypt

    def another(self: DataKeys, text: bytes, *, place: str) -> str:
        del text
        return real(self, b"something else", place=place)

    monkeypatch.setattr(DataKeys, "encrypt", another)
    with pytest.raises(PermanentError, match="stays as it was"):
        await replace(gateway.pool)
    monkeypatch.undo()

    await readable(gateway)
    assert await versions(gateway.pool) == {("data", 1): len(NAMES), ("session", 1): 1}


@pytest.mark.slow
async def test_under_load_and_killed_at_every_row_nobody_notices(
    database: Database, tmp_path: Path
) -> None:
    """Real processes end by SIGKILL inside each row's transaction; people sign in all the while."""
    keys = {"secret_key": SECRET_KEY}
    async with (
        running_gateway(database, tmp_path) as running,
        database.connection() as conn,
    ):
        people = await enrolled(running)
        load = Load(database, tmp_path, running, people[0], keys)
        await conn.execute(HOLD)
        rows = [
            *await conn.fetch("SELECT user_id::text AS id FROM gateway.second_factor ORDER BY 1"),
            *await conn.fetch("SELECT kid AS id FROM gateway.signing_key"),
        ]
        async with load.going_on():
            for done, row in enumerate(rows):
                words = ("--data-keys",)
                async with killed_at(database, row["id"], *words, SECRET_KEY=SECRET_KEY):
                    pass
                await load.once()
                await readable(running)
                now = await versions(running.pool)
                assert sum(n for (_, version), n in now.items() if version == 2) == done
            code, told, _ = await ended(
                await rotate_command(database, "--data-keys", "--json", SECRET_KEY=SECRET_KEY)
            )
            await load.once()
        for one in people:
            await one.sign_in(running)

    assert code == 0
    assert (loads(told)["replaced"], loads(told)["rows"]) == (["session"], 1)
    assert load.started >= ROWS + 1
