"""`certifyclouds keys` as people run it, and the inventory behind it."""

from json import loads
from pathlib import Path
from secrets import token_hex

import pytest

from services.gateway.adapters.passwords import Argon2Hasher
from services.gateway.domain.role import Role
from services.gateway.routes.keys import KeyInventory
from services.gateway.store import users
from shared.clock import utc_now
from tests.support.database import Database
from tests.support.gateway import PASSWORD, SECRET_KEY, Gateway, running_gateway
from tests.support.keys import certifyclouds, ended, rotate_command, start
from tests.support.platform import running

NEW = token_hex(32)
KEYS = "/api/v1/system/keys"


async def test_the_inventory_tells_what_each_key_is_for_and_no_key(gateway: Gateway) -> None:
    async with await gateway.signed_in(Role.AUDITOR) as http:
        answer = await http.get(KEYS)
    found = KeyInventory.model_validate(answer.json(), strict=False)
    stored = await gateway.pool.fetch("SELECT wrapped, salt FROM gateway.keyring")
    private = await gateway.pool.fetchval("SELECT private_key FROM gateway.signing_key")

    assert [entry.purpose for entry in found.data_keys] == [
        "audit",
        "data",
        "fingerprint",
        "session",
    ]
    assert {entry.iterations for entry in found.data_keys} == {1000}
    assert [(key.signs, key.accepted_until > key.created_at) for key in found.signing_keys] == [
        (True, True)
    ]
    known = {part for row in stored for part in (row["wrapped"], row["salt"].hex())} | {private}
    assert not {part for part in known if part in answer.text}


async def test_of_two_signing_keys_the_newest_signs(gateway: Gateway) -> None:
    gateway.clock.forward(days=90)
    await gateway.parts.sign_in.tokens.refresh()
    async with await gateway.signed_in(Role.ADMIN) as http:
        found = (await http.get(KEYS)).json()["signing_keys"]

    assert [key["signs"] for key in found] == [True, False]
    assert found[0]["created_at"] > found[1]["created_at"]


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR, Role.APPROVER])
async def test_the_inventory_is_refused_to_everybody_else(gateway: Gateway, role: Role) -> None:
    async with await gateway.signed_in(role) as http:
        assert (await http.get(KEYS)).status_code == 403


async def test_rotate_says_what_it_did_and_then_that_there_is_nothing_to_do(
    database: Database, tmp_path: Path
) -> None:
    async with running_gateway(database, tmp_path):
        pass
    both = {"SECRET_KEY": NEW, "SECRET_KEY_PREVIOUS": SECRET_KEY}
    first = await ended(await rotate_command(database, **both))
    second = await ended(await rotate_command(database, "--json", SECRET_KEY=NEW))

    assert (first[0], second[0]) == (0, 0)
    assert first[1].startswith("4 of 4 keys are wrapped by SECRET_KEY, 4 of them since just now.")
    assert loads(second[1]) == {"keys": 4, "wrapped_now": 0, "replaced": None, "rows": 0}
    assert not [key for key in (NEW, SECRET_KEY) if key in "".join(map(str, (*first, *second)))]


async def test_rotate_refuses_wrong_keys_with_a_sentence_and_changes_nothing(
    database: Database,
) -> None:
    async with database.pool("gateway") as pool:
        known = await start(pool, SECRET_KEY)
        wrong, weak = [
            await ended(await rotate_command(database, SECRET_KEY=new, SECRET_KEY_PREVIOUS=old))
            for new, old in ((NEW, token_hex(32)), ("changeme" * 8, SECRET_KEY))
        ]

        assert await start(pool, SECRET_KEY) == known
    assert (wrong[0], weak[0]) == (2, 2)
    assert "cannot open this database's key “audit”" in wrong[2]
    assert "SECRET_KEY: it is a sample value that others know" in weak[2]
    assert "Traceback" not in wrong[2] + weak[2]


async def test_a_key_that_is_refused_today_can_be_left_behind(database: Database) -> None:
    weak = "changeme" * 8
    async with database.pool("gateway") as pool:
        known = await start(pool, weak)
        code, _, _ = await ended(
            await rotate_command(database, SECRET_KEY=NEW, SECRET_KEY_PREVIOUS=weak)
        )

        assert (code, await start(pool, NEW)) == (0, known)


async def test_list_shows_the_inventory_through_the_platform(
    database: Database, tmp_path: Path
) -> None:
    async with running(database, tmp_path, names=["gateway"]) as platform:
        async with database.pool("gateway") as pool, pool.transaction() as conn:
            hashed = await Argon2Hasher().hash(PASSWORD)
            await users.add_user(
                conn, username="olga", role=Role.AUDITOR, password_hash=hashed, at=utc_now()
            )
        given = {
            "CERTIFYCLOUDS_URL": platform.url,
            "CERTIFYCLOUDS_USERNAME": "olga",
            "CERTIFYCLOUDS_PASSWORD": PASSWORD,
        }
        code, told, _ = await ended(await certifyclouds("keys", "list", **given))
        _, document, _ = await ended(await certifyclouds("keys", "list", "--json", **given))

    assert code == 0
    assert "Data keys" in told
    assert {entry["purpose"] for entry in loads(document)["data_keys"]} >= {"audit", "data"}
