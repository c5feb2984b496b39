"""One's own account: passwords and sessions."""

import pytest

from services.gateway.domain.role import Role
from tests.support.gateway import PASSWORD, Gateway
from tests.support.people import FIRST, LOGIN, USERS, add, signed_in

ME = "/api/v1/auth/me"
OWN = "seven swans over the lake"


async def test_a_first_password_opens_nothing_but_its_own_change(gateway: Gateway) -> None:
    async with await gateway.signed_in(Role.ADMIN) as admin:
        added = await add(admin)
    async with signed_in(gateway, "grace", FIRST) as grace:
        before = [(await grace.get(path)).status_code for path in (ME, "/api/v1/items")]
        refused = (await grace.get("/api/v1/items")).json()["code"]
        token = {"name": "ci", "permissions": ["read_inventory"]}
        kept = [
            (await grace.post("/api/v1/auth/tokens", json=token)).json()["code"],
            (await grace.post("/api/v1/auth/second-factor")).json()["code"],
        ]
        body = {"present_password": FIRST, "password": OWN}
        changed = await grace.post("/api/v1/auth/password", json=body)
        after = (await grace.get("/api/v1/items")).status_code

    assert added.status_code == 201
    assert added.headers["location"] == f"{USERS}/{added.json()['id']}"
    assert (before, refused) == ([200, 403], "password-must-change")
    # Either would be there still when the password is one's own.
    assert kept == ["password-must-change"] * 2
    assert changed.status_code == 200
    assert after == 200
    async with gateway.client() as http:
        old = await http.post(LOGIN, json={"username": "grace", "password": FIRST})
    assert old.status_code == 401


async def test_choosing_another_password_ends_the_other_sessions_and_keeps_this_one(
    gateway: Gateway,
) -> None:
    name = await gateway.add_user(Role.VIEWER)
    async with (
        signed_in(gateway, name, PASSWORD) as here,
        signed_in(gateway, name, PASSWORD) as there,
    ):
        body = {"present_password": PASSWORD, "password": OWN}
        changed = await here.post("/api/v1/auth/password", json=body)
        found = [(await http.get(ME)).status_code for http in (here, there)]

    assert changed.json() == {"count": 1}
    assert found == [200, 401]


@pytest.mark.parametrize(
    ("present", "wanted", "code"),
    [
        ("not my password", OWN, "confirmation-refused"),
        (PASSWORD, "too short", "invalid"),
        (PASSWORD, PASSWORD, "invalid"),
    ],
)
async def test_a_password_is_not_changed_without_the_present_one_or_to_a_weak_one(
    gateway: Gateway, present: str, wanted: str, code: str
) -> None:
    name = await gateway.add_user(Role.VIEWER)
    async with signed_in(gateway, name, PASSWORD) as http:
        body = {"present_password": present, "password": wanted}
        refused = await http.post("/api/v1/auth/password", json=body)

    assert refused.json()["code"] == code
    async with signed_in(gateway, name, PASSWORD) as http:
        assert (await http.get(ME)).status_code == 200


async def test_guessing_the_present_password_locks_the_account_like_signing_in(
    gateway: Gateway,
) -> None:
    name = await gateway.add_user(Role.VIEWER)
    async with signed_in(gateway, name, PASSWORD) as http:
        for _ in range(5):
            await http.post("/api/v1/auth/confirm", json={"password": "not my password"})
        refused = await http.post("/api/v1/auth/confirm", json={"password": PASSWORD})

    assert refused.status_code == 403
    assert "account:locked" in [action for action, *_ in await gateway.actions()]


async def test_my_sessions_are_mine_to_see_and_to_end(gateway: Gateway) -> None:
    name = await gateway.add_user(Role.VIEWER)
    async with (
        signed_in(gateway, name, PASSWORD) as here,
        signed_in(gateway, name, PASSWORD) as there,
        await gateway.signed_in(Role.VIEWER) as stranger,
    ):
        mine = (await here.get("/api/v1/auth/sessions")).json()["data"]
        other = next(one["id"] for one in mine if not one["current"])
        foreign = await stranger.delete(f"/api/v1/auth/sessions/{other}")
        still = (await there.get(ME)).status_code
        ended = await here.delete(f"/api/v1/auth/sessions/{other}")
        twice = await here.delete(f"/api/v1/auth/sessions/{other}")
        after = (await there.get(ME)).status_code

    assert len(mine) == 2
    assert (foreign.status_code, still) == (404, 200)
    assert (ended.status_code, twice.status_code, after) == (204, 404, 401)


async def test_a_password_that_is_changed_while_it_is_being_checked_opens_nothing(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = await gateway.add_user(Role.VIEWER)
    hasher = gateway.parts.sign_in.hasher
    verify, other = hasher.verify, await hasher.hash(OWN)

    async def slow(stored: str | None, password: str) -> bool:
        right = await verify(stored, password)
        await gateway.pool.execute(
            "UPDATE gateway.app_user SET password_hash = $2 WHERE username = $1", name, other
        )
        return right

    monkeypatch.setattr(hasher, "verify", slow)
    async with gateway.client() as http:
        answer = await http.post(LOGIN, json={"username": name, "password": PASSWORD})

    assert answer.status_code == 401
    assert await gateway.pool.fetchval("SELECT count(*) FROM gateway.session") == 0
