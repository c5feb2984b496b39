"""A second factor: nobody comes in with the password alone, and each code is good once."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher
from pyotp.totp import TOTP

from services.gateway.domain.role import Role
from tests.support.database import Database
from tests.support.gateway import PASSWORD, Gateway, running_gateway

LOGIN = "/api/v1/auth/login"
FACTOR = "/api/v1/auth/second-factor"
ME = "/api/v1/auth/me"
NAME = "grace"


class Grace:
    """A user with a second factor, and her device."""

    def __init__(self, gateway: Gateway, secret: str, recovery: list[str]) -> None:
        self._gateway = gateway
        self._device = TOTP(secret)
        self.recovery = recovery

    def code(self, *, steps: int = 0) -> str:
        """Return what the device shows now, or so many steps later."""
        return self._device.at(self._gateway.clock(), counter_offset=steps)

    async def sign_in(self, address: str = "198.51.100.60", **more: Any) -> httpx.Response:
        async with self._gateway.client(address) as http:
            body = {"username": NAME, "password": PASSWORD, **more}
            return await http.post(LOGIN, json=body)

    async def client(self, **more: Any) -> httpx.AsyncClient:
        token = (await self.sign_in(**more)).json()["access_token"]
        return self._gateway.client(authorization=f"Bearer {token}")


@pytest.fixture
async def grace(gateway: Gateway) -> Grace:
    await gateway.add_user(Role.OPERATOR, NAME)
    async with gateway.client() as http:
        answer = await http.post(LOGIN, json={"username": NAME, "password": PASSWORD})
        http.headers["authorization"] = f"Bearer {answer.json()['access_token']}"
        offer = (await http.post(FACTOR)).json()
        code = TOTP(offer["secret"]).at(gateway.clock())
        confirmed = await http.post(f"{FACTOR}/confirm", json={"code": code})
        await http.post("/api/v1/auth/logout", json={})
    gateway.clock.forward(seconds=30)
    return Grace(gateway, offer["secret"], confirmed.json()["codes"])


async def test_the_password_alone_opens_nothing(grace: Grace) -> None:
    alone = await grace.sign_in()
    together = await grace.sign_in(code=grace.code())

    assert (alone.status_code, alone.json()["code"]) == (401, "second-factor-needed")
    assert together.status_code == 200


async def test_whoever_has_not_the_password_learns_nothing_of_a_second_factor(
    grace: Grace, gateway: Gateway
) -> None:
    await gateway.add_user(Role.VIEWER, "plain")
    answers = [
        await grace.sign_in(password="not the password"),
        await grace.sign_in(password="not the password", code=grace.code()),
        await grace.sign_in(username="plain", password="not the password", code="123456"),
        await grace.sign_in(username="nobody", password="not the password", code="123456"),
    ]

    told = {(a.status_code, a.json()["code"], a.json()["detail"]) for a in answers}
    assert [(status, code) for status, code, _ in told] == [(401, "sign-in-refused")]
    assert (await grace.sign_in(code=grace.code())).status_code == 200, "no code was used up"


async def test_a_code_is_good_once_even_for_two_at_the_same_moment(grace: Grace) -> None:
    code = grace.code()
    answers = await asyncio.gather(*(grace.sign_in(code=code) for _ in range(4)))
    later = await grace.sign_in(code=grace.code(steps=-1))

    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]
    assert later.status_code == 401, "nor is one from before it"


@pytest.mark.parametrize(("steps", "status"), [(-2, 401), (-1, 401), (0, 200), (1, 200), (2, 401)])
async def test_a_code_is_good_one_step_around_its_time(
    grace: Grace, steps: int, status: int
) -> None:
    # The step before was used up by the first code.
    assert (await grace.sign_in(code=grace.code(steps=steps))).status_code == status


async def test_wrong_codes_lock_the_account_like_wrong_passwords(
    grace: Grace, gateway: Gateway
) -> None:
    right = grace.code()
    wrong = "000000" if right != "000000" else "000001"
    for _ in range(5):
        await grace.sign_in(code=wrong)
    locked = await grace.sign_in(code=right)
    gateway.clock.forward(minutes=15)

    assert (locked.status_code, locked.json()["code"]) == (401, "sign-in-refused")
    assert (await grace.sign_in(code=grace.code())).status_code == 200
    refused = [one for one in await gateway.actions() if one[0] == "session:refused"]
    assert len(refused) == 6


async def test_each_recovery_code_opens_once_and_is_stored_as_a_fingerprint_only(
    grace: Grace, gateway: Gateway
) -> None:
    typed = grace.recovery[0].lower().replace("-", " ")
    answers = [await grace.sign_in(code=typed) for _ in range(2)]
    other = await grace.sign_in(code=grace.recovery[1])

    assert [answer.status_code for answer in answers] == [200, 401]
    assert other.status_code == 200
    assert len(set(grace.recovery)) == 10
    stored = await gateway.pool.fetch("SELECT hash FROM gateway.recovery_code")
    assert not [row for row in stored if grace.recovery[0].encode() in row["hash"]]


async def test_new_recovery_codes_take_the_place_of_the_old_ones(grace: Grace) -> None:
    async with await grace.client(code=grace.code()) as http:
        fresh = (await http.post(f"{FACTOR}/recovery-codes")).json()["codes"]

    assert not set(fresh) & set(grace.recovery)
    assert (await grace.sign_in(code=grace.recovery[0])).status_code == 401
    assert (await grace.sign_in(code=fresh[0])).status_code == 200


async def test_confirming_and_changing_the_password_ask_for_the_code_too(
    grace: Grace, gateway: Gateway
) -> None:
    change = {"present_password": PASSWORD, "password": "seven swans over the lake"}
    async with await grace.client(code=grace.code()) as http:
        gateway.clock.forward(seconds=30)
        alone = [
            await http.post("/api/v1/auth/confirm", json={"password": PASSWORD}),
            await http.post("/api/v1/auth/password", json=change),
        ]
        right = await http.post(
            "/api/v1/auth/confirm", json={"password": PASSWORD, "code": grace.code()}
        )

    assert [(a.status_code, a.json()["code"]) for a in alone] == [(403, "second-factor-needed")] * 2
    assert right.status_code == 204


async def test_a_factor_that_no_code_has_confirmed_is_not_asked_for(gateway: Gateway) -> None:
    name = await gateway.add_user(Role.VIEWER)
    login = {"username": name, "password": PASSWORD}
    async with gateway.client() as http:
        token = (await http.post(LOGIN, json=login)).json()["access_token"]
        http.headers["authorization"] = f"Bearer {token}"
        early = await http.post(f"{FACTOR}/confirm", json={"code": "123456"})
        first = (await http.post(FACTOR)).json()["secret"]
        second = (await http.post(FACTOR)).json()["secret"]
        stale = TOTP(first).at(gateway.clock())
        wrong = await http.post(f"{FACTOR}/confirm", json={"code": stale})
        again = await http.post(LOGIN, json=login)
        code = TOTP(second).at(gateway.clock())
        right = await http.post(f"{FACTOR}/confirm", json={"code": code})
        third = await http.post(FACTOR)

    assert early.json()["code"] == "nothing-to-confirm"
    assert (wrong.status_code, again.status_code, right.status_code) == (422, 200, 200)
    assert third.json()["code"] == "has-second-factor"


async def test_going_without_it_asks_for_a_fresh_sign_in(grace: Grace, gateway: Gateway) -> None:
    async with await grace.client(code=grace.code()) as http:
        gateway.clock.forward(minutes=5)
        late = [await http.delete(FACTOR), await http.post(f"{FACTOR}/recovery-codes")]
        body = {"password": PASSWORD, "code": grace.code()}
        await http.post("/api/v1/auth/confirm", json=body)
        removed = await http.delete(FACTOR)
        twice = await http.delete(FACTOR)

    assert [answer.json()["code"] for answer in late] == ["confirm-first"] * 2
    assert (removed.status_code, twice.status_code) == (204, 404)
    assert (await grace.sign_in()).status_code == 200


async def test_an_administrator_takes_a_lost_factor_off_and_that_signs_out(
    grace: Grace, gateway: Gateway
) -> None:
    async with (
        await gateway.signed_in(Role.ADMIN) as admin,
        await grace.client(code=grace.code()) as http,
    ):
        everybody = (await admin.get("/api/v1/users")).json()["data"]
        user_id = next(user["id"] for user in everybody if user["username"] == NAME)
        removed = await admin.delete(f"/api/v1/users/{user_id}/second-factor")
        after = (await http.get(ME)).status_code

    assert (removed.status_code, after) == (204, 401)
    assert (await grace.sign_in()).status_code == 200
    assert ("second-factor:removed", NAME) in [(a, who) for a, _, who, _ in await gateway.actions()]


async def test_where_it_is_required_whoever_has_none_can_only_add_one(
    database: Database, tmp_path: Path
) -> None:
    async with (
        running_gateway(database, tmp_path, second_factor_required=True) as gateway,
        await gateway.signed_in(Role.VIEWER) as http,
    ):
        refused = await http.get("/api/v1/items")
        token = {"name": "ci", "permissions": ["read_inventory"]}
        instead = await http.post("/api/v1/auth/tokens", json=token)
        secret = (await http.post(FACTOR)).json()["secret"]
        code = TOTP(secret).at(gateway.clock())
        await http.post(f"{FACTOR}/confirm", json={"code": code})
        after = await http.get("/api/v1/items")

    assert (refused.status_code, refused.json()["code"]) == (403, "second-factor-must-be-set")
    assert (instead.status_code, instead.json()["code"]) == (403, "second-factor-must-be-set")
    assert after.status_code == 200


async def test_the_secret_is_stored_encrypted(grace: Grace, gateway: Gateway) -> None:
    stored = await gateway.pool.fetchval("SELECT secret FROM gateway.second_factor")

    assert stored.startswith("cc1:")
    assert grace._device.secret not in stored


def counted(how: str, computed: list[str]) -> Callable[..., Any]:
    """Return argon2's method, which from now on notes each computation."""
    real = getattr(PasswordHasher, how)

    def compute(*given: Any) -> Any:
        computed.append(how)
        return real(*given)

    return compute


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"username": "nobody"}, 401),
        ({"password": "not the password"}, 401),
        ({"username": "disabled"}, 401),
        ({"username": "locked"}, 401),
        ({"username": "plain"}, 200),
        ({}, 401),
        ({"code": "000000"}, 401),
        ({"code": "right"}, 200),
        ({"setup_token": "ccs_of-nobody"}, 401),
    ],
)
async def test_each_way_of_signing_in_costs_one_argon2_computation(
    grace: Grace, gateway: Gateway, monkeypatch: pytest.MonkeyPatch, body: Any, status: int
) -> None:
    for name in ("disabled", "locked", "plain"):
        await gateway.add_user(Role.VIEWER, name)
    await gateway.pool.execute(
        "UPDATE gateway.app_user SET disabled_at = now() WHERE username = 'disabled'"
    )
    for _ in range(5):
        await grace.sign_in(username="locked", password="not the password")
    if body.get("code") == "right":
        body = {"code": grace.code()}
    computed: list[str] = []
    for how in ("verify", "hash"):
        monkeypatch.setattr(PasswordHasher, how, counted(how, computed))
    answer = await grace.sign_in(**body)

    assert answer.status_code == status
    assert computed == (["hash"] if "setup_token" in body else ["verify"])
