"""Users: who adds, changes and removes them, and what takes effect at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.gateway.domain.role import Role
from tests.support.database import Database
from tests.support.gateway import PASSWORD, Gateway, SeedItem, running_gateway, seed_estate

USERS = "/api/v1/users"
LOGIN = "/api/v1/auth/login"
ME = "/api/v1/auth/me"
FIRST = "a first password from elsewhere"
OWN = "seven swans over the lake"


@asynccontextmanager
async def signed_in(
    gateway: Gateway, username: str, password: str
) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client with a bearer session of this user."""
    async with gateway.client("198.51.100.40") as http:
        answer = await http.post(LOGIN, json={"username": username, "password": password})
        assert answer.status_code == 200, answer.text
        http.headers["authorization"] = f"Bearer {answer.json()['access_token']}"
        yield http


async def add(admin: httpx.AsyncClient, **more: Any) -> httpx.Response:
    body = {"username": "grace", "password": FIRST, "role": "operator", **more}
    return await admin.post(USERS, json=body)


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


async def test_rights_are_changed_only_soon_after_the_password_was_given(gateway: Gateway) -> None:
    name = await gateway.add_user(Role.ADMIN)
    async with signed_in(gateway, name, PASSWORD) as admin:
        gateway.clock.forward(minutes=5)
        late = await add(admin)
        await admin.post("/api/v1/auth/confirm", json={"password": PASSWORD})
        again = await add(admin)
        gateway.clock.forward(minutes=5)
        later = [
            await admin.patch(again.headers["location"], json={"disabled": True}),
            await admin.delete(again.headers["location"]),
            await admin.put(again.headers["location"] + "/password", json={"password": OWN}),
        ]

    assert (late.status_code, late.json()["code"]) == (403, "confirm-first")
    assert again.status_code == 201
    assert [answer.json()["code"] for answer in later] == ["confirm-first"] * 3


async def test_another_role_counts_at_once_for_the_sessions_there_are(gateway: Gateway) -> None:
    name = await gateway.add_user(Role.VIEWER, "grace")
    async with (
        await gateway.signed_in(Role.ADMIN) as admin,
        signed_in(gateway, name, PASSWORD) as grace,
    ):
        user = next(u for u in (await admin.get(USERS)).json()["data"] if u["username"] == name)
        before = (await grace.post("/api/v1/scans", json={})).status_code
        changed = await admin.patch(f"{USERS}/{user['id']}", json={"role": "operator"})
        after = (await grace.post("/api/v1/scans", json={})).status_code

    assert (before, after) == (403, 202)
    assert changed.json()["revision"] == user["revision"] + 1
    entry = await gateway.pool.fetchrow(
        "SELECT subject, before, after FROM audit.entry WHERE action = 'user:changed'"
    )
    assert dict(entry or {}) == {"subject": name, "before": "role=viewer", "after": "role=operator"}


@pytest.mark.parametrize("how", ["disabled", "removed", "reset", "signed out"])
async def test_whoever_is_shut_out_is_signed_out_at_once(gateway: Gateway, how: str) -> None:
    name = await gateway.add_user(Role.VIEWER, "grace")
    async with (
        await gateway.signed_in(Role.ADMIN) as admin,
        signed_in(gateway, name, PASSWORD) as grace,
    ):
        found = (await admin.get(USERS)).json()["data"]
        path = f"{USERS}/{next(u['id'] for u in found if u['username'] == name)}"
        match how:
            case "disabled":
                answer = await admin.patch(path, json={"disabled": True})
            case "removed":
                answer = await admin.delete(path)
            case "reset":
                answer = await admin.put(f"{path}/password", json={"password": FIRST})
            case _:
                answer = await admin.delete(f"{path}/sessions")
        assert answer.status_code in {200, 204}, answer.text
        after = (await grace.get(ME)).status_code
    async with gateway.client("198.51.100.41") as http:
        again = await http.post(LOGIN, json={"username": name, "password": PASSWORD})

    assert after == 401
    assert again.status_code == (200 if how == "signed out" else 401)


async def test_a_removed_users_name_stays_theirs(gateway: Gateway) -> None:
    async with await gateway.signed_in(Role.ADMIN) as admin:
        added = await add(admin)
        await admin.delete(added.headers["location"])
        gone = await admin.get(added.headers["location"])
        again = await add(admin, username="GRACE")
        listed = [user["username"] for user in (await admin.get(USERS)).json()["data"]]

    assert gone.status_code == 404
    assert (again.status_code, again.json()["code"]) == (409, "name-taken")
    assert "grace" not in listed


async def test_nobody_changes_their_own_rights_and_one_administrator_is_always_left(
    gateway: Gateway,
) -> None:
    one, two = await gateway.add_user(Role.ADMIN, "one"), await gateway.add_user(Role.ADMIN, "two")
    async with (
        signed_in(gateway, one, PASSWORD) as first,
        signed_in(gateway, two, PASSWORD) as second,
    ):
        ids = {u["username"]: u["id"] for u in (await first.get(USERS)).json()["data"]}
        own = await first.patch(f"{USERS}/{ids[one]}", json={"role": "viewer"})
        answers = await asyncio.gather(
            first.patch(f"{USERS}/{ids[two]}", json={"role": "viewer"}),
            second.delete(f"{USERS}/{ids[one]}"),
        )

    assert own.status_code == 403
    # Each holds both rows: whoever comes second is no administrator any more.
    assert sorted(answer.status_code in {200, 204} for answer in answers) == [False, True]
    left = await gateway.pool.fetchval(
        "SELECT count(*) FROM gateway.app_user WHERE role = 'admin' AND disabled_at IS NULL"
    )
    assert left == 1


async def test_two_administrators_do_not_undo_each_others_changes_unseen(gateway: Gateway) -> None:
    async with await gateway.signed_in(Role.ADMIN) as admin:
        path = (await add(admin)).headers["location"]
        seen = (await admin.get(path)).headers["etag"]
        first = await admin.patch(path, json={"role": "viewer"}, headers={"if-match": seen})
        second = await admin.patch(path, json={"role": "admin"}, headers={"if-match": seen})
        third = await admin.delete(path, headers={"if-match": first.headers["etag"]})

    assert [first.status_code, second.status_code, third.status_code] == [200, 412, 204]


async def test_a_repeated_request_adds_one_user(gateway: Gateway) -> None:
    async with await gateway.signed_in(Role.ADMIN) as admin:
        body = {"username": "grace", "password": FIRST, "role": "viewer"}
        answers = [
            await admin.post(USERS, json=body, headers={"idempotency-key": "once"})
            for _ in range(2)
        ]
        other = await admin.post(
            USERS, json={**body, "role": "admin"}, headers={"idempotency-key": "once"}
        )

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert answers[1].headers["idempotent-replayed"] == "true"
    assert other.status_code == 422


@pytest.mark.parametrize(
    "body",
    [
        {"username": "grace", "password": FIRST, "role": "owner"},
        {"username": "grace", "password": "too short", "role": "viewer"},
        {"username": "grace", "password": "grace and her lake", "role": "viewer"},
        {"username": "\x07", "password": FIRST, "role": "viewer"},
        {"username": "grace", "password": FIRST, "role": "viewer", "scope": "name:db-*"},
        {"username": "grace", "password": FIRST, "role": "viewer", "scope": "sub:/(/"},
        {"username": "grace", "password": FIRST, "role": "viewer", "admin": True},
    ],
)
async def test_a_user_that_cannot_be_meant_is_refused(
    gateway: Gateway, body: dict[str, Any]
) -> None:
    async with await gateway.signed_in(Role.ADMIN) as admin:
        answer = await admin.post(USERS, json=body)

    assert answer.status_code == 422, answer.text
    assert body["password"] not in answer.text
    assert await gateway.pool.fetchval("SELECT count(*) FROM gateway.app_user") == 1


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


async def test_a_scope_of_tags_and_names_is_what_somebody_sees_on_every_replica(
    database: Database, tmp_path: Path
) -> None:
    await seed_estate(
        database, [SeedItem(name="pay-key", vault=1), SeedItem(name="web-key", vault=2)]
    )
    async with database.connection() as conn:
        await conn.execute("""UPDATE scanner.vault SET tags = '{"team": "pay"}' WHERE id = 1""")
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    async with (
        running_gateway(database, tmp_path / "a") as one,
        running_gateway(database, tmp_path / "b") as two,
        await one.signed_in(Role.ADMIN) as admin,
    ):
        added = await add(admin, scope="tag:team=pay", role="operator")
        async with signed_in(one, "grace", FIRST) as grace:
            await grace.post(
                "/api/v1/auth/password", json={"present_password": FIRST, "password": OWN}
            )
            token = grace.headers["authorization"]
        async with two.client(authorization=token) as grace:
            items = [item["name"] for item in (await grace.get("/api/v1/items")).json()["data"]]
            wide = await grace.get("/api/v1/schedules")
            scan = await grace.post("/api/v1/scans", json={"selector": "region:westeurope"})
            await admin.patch(added.headers["location"], json={"scope": "vault:kv-web"})
            moved = [item["name"] for item in (await grace.get("/api/v1/items")).json()["data"]]

    assert items == ["pay-key"]
    assert (wide.status_code, wide.json()["code"]) == (403, "outside-scope")
    assert scan.status_code == 202
    async with database.connection() as conn:
        asked = await conn.fetchval("SELECT selector FROM gateway.scan_request")
    assert asked == "tag:team=pay region:westeurope"
    assert moved == ["web-key"]


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


async def test_a_selector_that_is_too_long_within_a_scope_is_refused(gateway: Gateway) -> None:
    name = await gateway.add_user(Role.OPERATOR)
    await gateway.pool.execute(
        "UPDATE gateway.app_user SET scope = $2 WHERE username = $1", name, "sub:" + "a" * 1900
    )
    async with signed_in(gateway, name, PASSWORD) as http:
        answer = await http.post("/api/v1/scans", json={"selector": "vault:" + "b" * 200})

    assert answer.status_code == 422, answer.text
    assert "With your scope before it" in answer.json()["detail"]
