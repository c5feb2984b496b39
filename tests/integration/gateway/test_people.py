"""Users: who adds, changes and removes them, and what takes effect at once."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from services.gateway.domain.role import Role
from tests.support.database import Database
from tests.support.gateway import PASSWORD, Gateway, SeedItem, running_gateway, seed_estate
from tests.support.people import FIRST, LOGIN, USERS, add, signed_in

ME = "/api/v1/auth/me"
OWN = "seven swans over the lake"


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


async def test_a_selector_that_is_too_long_within_a_scope_is_refused(gateway: Gateway) -> None:
    name = await gateway.add_user(Role.OPERATOR)
    await gateway.pool.execute(
        "UPDATE gateway.app_user SET scope = $2 WHERE username = $1", name, "sub:" + "a" * 1900
    )
    async with signed_in(gateway, name, PASSWORD) as http:
        answer = await http.post("/api/v1/scans", json={"selector": "vault:" + "b" * 200})

    assert answer.status_code == 422, answer.text
    assert "With your scope before it" in answer.json()["detail"]
