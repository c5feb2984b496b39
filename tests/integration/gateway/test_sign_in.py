"""Signing in: the first administrator, sessions that end, and refusals that tell nothing."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from services.gateway.domain.role import Role
from tests.support.gateway import PASSWORD, Gateway

LOGIN = "/api/v1/auth/login"
ME = "/api/v1/auth/me"


async def first_admin(gateway: Gateway, **more: str) -> httpx.Response:
    body = {"setup_token": gateway.setup_token, "username": "ada", "password": PASSWORD, **more}
    async with gateway.client() as http:
        return await http.post(LOGIN, json=body)


def without_ids(answer: httpx.Response) -> dict[str, Any]:
    return {key: value for key, value in answer.json().items() if key != "instance"}


async def test_the_set_up_token_makes_the_first_administrator_once(gateway: Gateway) -> None:
    token = gateway.setup_token
    assert gateway.token_file.stat().st_mode & 0o777 == 0o600

    created = await first_admin(gateway)
    async with gateway.client(authorization=f"Bearer {created.json()['access_token']}") as http:
        me = await http.get(ME)
        body = {"setup_token": token, "username": "eve", "password": PASSWORD}
        again = await http.post(LOGIN, json=body)

    assert created.status_code == 200
    assert created.json()["token_type"] == "bearer"
    assert created.json()["expires_in"] == 8 * 3600
    assert me.json()["role"] == "admin"
    assert again.status_code == 401
    assert again.json()["code"] == "set-up-refused"
    assert not gateway.token_file.exists()
    stored = await gateway.pool.fetchval("SELECT count(*) FROM gateway.setup_token")
    assert stored == 0


async def test_the_set_up_token_is_stored_as_a_hash_only(gateway: Gateway) -> None:
    stored = await gateway.pool.fetchval("SELECT hash FROM gateway.setup_token")

    assert gateway.setup_token.encode() not in stored
    assert len(stored) == 32


async def test_a_set_up_token_that_is_too_old_is_refused(gateway: Gateway) -> None:
    gateway.clock.forward(hours=25)

    assert (await first_admin(gateway)).status_code == 401


async def test_two_who_redeem_the_token_at_once_make_one_administrator(gateway: Gateway) -> None:
    answers = await asyncio.gather(
        *(first_admin(gateway, username=f"admin{number}") for number in range(4))
    )

    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]
    assert await gateway.pool.fetchval("SELECT count(*) FROM gateway.app_user") == 1


@pytest.mark.parametrize(
    ("password", "word"),
    [("too short", "12"), ("ada-ada-ada-lovelace", "name"), ("passwordpassword", "first")],
)
async def test_a_weak_password_is_refused_with_a_reason_and_the_token_stays_good(
    gateway: Gateway, password: str, word: str
) -> None:
    username = "ada-ada" if "ada" in password else "ada"
    refused = await first_admin(gateway, password=password, username=username)

    assert refused.status_code == 422
    assert word in refused.json()["errors"][0]["detail"]
    assert (await first_admin(gateway)).status_code == 200


async def test_unknown_wrong_disabled_and_locked_get_the_same_answer(gateway: Gateway) -> None:
    known, disabled = await gateway.add_user(Role.VIEWER), await gateway.add_user(Role.VIEWER)
    await gateway.pool.execute(
        "UPDATE gateway.app_user SET disabled_at = now() WHERE username = $1", disabled
    )

    async def attempt(username: str, password: str, address: str) -> httpx.Response:
        async with gateway.client(address) as http:
            return await http.post(LOGIN, json={"username": username, "password": password})

    for _ in range(5):
        await attempt(known, "wrong", "203.0.113.1")
    answers = [
        await attempt("nobody", PASSWORD, "203.0.113.2"),
        await attempt(known, "wrong", "203.0.113.3"),
        await attempt(disabled, PASSWORD, "203.0.113.4"),
        await attempt(known, PASSWORD, "203.0.113.1"),
    ]

    assert {answer.status_code for answer in answers} == {401}
    assert len({json.dumps(without_ids(answer)) for answer in answers}) == 1
    names = {"content-length", "content-type", "www-authenticate"}
    headers = [{name: answer.headers[name] for name in names} for answer in answers]
    assert all(found == headers[0] for found in headers)


async def test_a_lock_is_for_one_network_and_ends_after_a_quarter_of_an_hour(
    gateway: Gateway,
) -> None:
    username = await gateway.add_user(Role.VIEWER)
    right = {"username": username, "password": PASSWORD}
    async with gateway.client("203.0.113.1") as stranger, gateway.client("203.0.113.9") as owner:
        for _ in range(5):
            await stranger.post(LOGIN, json={"username": username, "password": "wrong"})
        locked = await stranger.post(LOGIN, json=right)
        elsewhere = await owner.post(LOGIN, json=right)
        gateway.clock.forward(minutes=15)
        later = await stranger.post(LOGIN, json=right)

    assert [locked.status_code, elsewhere.status_code, later.status_code] == [401, 200, 200]
    actions = [entry[0] for entry in await gateway.actions()]
    assert actions.count("account:locked") == 1


async def test_many_networks_together_reach_the_accounts_ceiling(gateway: Gateway) -> None:
    username = await gateway.add_user(Role.VIEWER)
    for number in range(50):
        async with gateway.client(f"203.0.113.{number}") as http:
            await http.post(LOGIN, json={"username": username, "password": "wrong"})

    async with gateway.client("198.51.100.200") as http:
        answer = await http.post(LOGIN, json={"username": username, "password": PASSWORD})

    assert answer.status_code == 401


async def test_attempts_at_once_are_counted_before_they_are_looked_at(gateway: Gateway) -> None:
    username = await gateway.add_user(Role.VIEWER)
    seen: list[str] = []
    verify = gateway.parts.sign_in.hasher.verify

    async def spy(stored: str | None, password: str) -> bool:
        seen.append(password)
        return await verify(stored, password)

    gateway.parts.sign_in.hasher.verify = spy  # type: ignore[method-assign]
    async with gateway.client() as http:
        body = {"username": username, "password": "wrong"}
        await asyncio.gather(*(http.post(LOGIN, json=body) for _ in range(9)))
        right = await http.post(LOGIN, json={"username": username, "password": PASSWORD})

    assert right.status_code == 401
    locked = await gateway.pool.fetchval(
        "SELECT max(failures) FROM gateway.login_standing WHERE network <> '*'"
    )
    assert locked == 5


async def test_ten_sign_ins_a_minute_from_one_network_then_a_pause(gateway: Gateway) -> None:
    body = {"username": "nobody", "password": "wrong"}
    async with gateway.client("2001:db8::1") as one, gateway.client("2001:db8::2") as neighbour:
        codes = [(await one.post(LOGIN, json=body)).status_code for _ in range(10)]
        refused = await neighbour.post(LOGIN, json=body)
        gateway.clock.forward(seconds=6)
        allowed = await one.post(LOGIN, json=body)

    assert codes == [401] * 10
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "6"
    assert refused.headers["ratelimit-limit"] == "10"
    assert refused.headers["ratelimit-remaining"] == "0"
    assert allowed.status_code == 401


async def test_sign_ins_and_refusals_are_in_the_audit_log_without_what_was_typed(
    gateway: Gateway,
) -> None:
    username = await gateway.add_user(Role.VIEWER)
    async with gateway.client() as http:
        await http.post(LOGIN, json={"username": "my-password-oops", "password": "x"})
        await http.post(LOGIN, json={"username": username, "password": "wrong-password-typed"})
        await http.post(LOGIN, json={"username": username, "password": PASSWORD})

    entries = await gateway.actions()
    assert [entry[0] for entry in entries] == [
        "session:refused",
        "session:refused",
        "session:opened",
    ]
    assert entries[1][2] == username
    dump = await gateway.pool.fetch(
        "SELECT e::text AS row FROM audit.entry AS e UNION ALL"
        " SELECT s::text FROM gateway.login_standing AS s"
    )
    text = "\n".join(row["row"] for row in dump)
    assert "oops" not in text
    assert "typed" not in text


async def test_an_old_hash_is_made_anew_at_the_next_sign_in(gateway: Gateway) -> None:
    from services.gateway.adapters.passwords import Argon2Hasher

    username = await gateway.add_user(Role.VIEWER)
    weak = await Argon2Hasher(memory_kib=64, rounds=1).hash(PASSWORD)
    await gateway.pool.execute("UPDATE gateway.app_user SET password_hash = $1", weak)
    async with gateway.client() as http:
        await http.post(LOGIN, json={"username": username, "password": PASSWORD})
        again = await http.post(LOGIN, json={"username": username, "password": PASSWORD})

    stored = await gateway.pool.fetchval("SELECT password_hash FROM gateway.app_user")
    assert stored != weak
    assert again.status_code == 200
