"""Tokens for programs: less than their user may, for a time, from where they belong."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from services.gateway.domain import api_token
from services.gateway.domain.role import Role
from tests.support.database import Database
from tests.support.gateway import PASSWORD, Gateway, SeedItem, running_gateway, seed_estate

TOKENS = "/api/v1/auth/tokens"
ME = "/api/v1/auth/me"
ITEMS = "/api/v1/items"


async def user(gateway: Gateway, role: Role, name: str = "grace") -> httpx.AsyncClient:
    """Return a client with a session of a new user of this name."""
    await gateway.add_user(role, name)
    body = {"username": name, "password": PASSWORD}
    async with gateway.client("198.51.100.50") as http:
        token = (await http.post("/api/v1/auth/login", json=body)).json()["access_token"]
    return gateway.client("198.51.100.50", authorization=f"Bearer {token}")


async def made(http: httpx.AsyncClient, **more: Any) -> dict[str, Any]:
    body = {"name": "ci", "permissions": ["read_inventory"], **more}
    answer = await http.post(TOKENS, json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def program(
    gateway: Gateway, token: dict[str, Any], address: str = "203.0.113.5"
) -> httpx.AsyncClient:
    return gateway.client(address, authorization=f"Bearer {token['token']}")


async def test_a_token_is_shown_once_and_kept_as_a_fingerprint(gateway: Gateway) -> None:
    async with await user(gateway, Role.VIEWER) as http:
        token = await made(http)
        listed = await http.get(TOKENS)
    stored = await gateway.pool.fetchrow("SELECT * FROM gateway.api_token")

    assert token["token"].startswith("ccp_")
    assert token["token"] not in listed.text
    assert listed.json()["data"][0]["name"] == "ci"
    assert token["token"] not in str(dict(stored or {}))
    assert token["token"].encode() not in bytes((stored or {})["hash"])


async def test_a_token_may_what_it_was_made_for_and_its_user_still_may(gateway: Gateway) -> None:
    async with await user(gateway, Role.OPERATOR) as http:
        token = await made(http, permissions=["read_inventory", "request_scan"])
    async with program(gateway, token) as http:
        allowed = [await http.get(ITEMS), await http.post("/api/v1/scans", json={})]
        other = await http.get("/api/v1/alerts")
        me = (await http.get(ME)).json()
        await gateway.pool.execute("UPDATE gateway.app_user SET role = 'viewer'")
        later = [await http.get(ITEMS), await http.post("/api/v1/scans", json={})]

    assert [answer.status_code for answer in allowed] == [200, 202]
    assert (other.status_code, other.json()["code"]) == (403, "not-allowed")
    assert "API token" in other.json()["detail"]
    assert me["permissions"] == ["read_inventory", "read_self", "request_scan"]
    assert [answer.status_code for answer in later] == [200, 403]
    asked = await gateway.pool.fetchval("SELECT requested_by FROM gateway.scan_request")
    assert asked == "grace/ci"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", TOKENS, {"name": "more", "permissions": ["read_inventory"]}),
        ("GET", TOKENS, None),
        ("POST", "/api/v1/auth/confirm", {"password": PASSWORD}),
        ("POST", "/api/v1/auth/password", {"present_password": PASSWORD, "password": "x" * 12}),
        ("POST", "/api/v1/auth/second-factor", {}),
        ("POST", "/api/v1/auth/logout", {}),
        ("DELETE", "/api/v1/auth/sessions", None),
        ("POST", "/api/v1/users", {"username": "eve", "password": "y" * 12, "role": "admin"}),
    ],
)
async def test_no_token_hands_on_rights(
    gateway: Gateway, method: str, path: str, body: dict[str, Any] | None
) -> None:
    async with await user(gateway, Role.ADMIN) as http:
        token = await made(http, permissions=["read_inventory", "read_users"])
        refused = await http.post(TOKENS, json={"name": "root", "permissions": ["manage_users"]})
    async with program(gateway, token) as http:
        answer = await http.request(method, path, json=body)

    assert refused.status_code == 422
    assert answer.status_code == 403


async def test_a_token_is_made_only_soon_after_the_password_and_within_the_role(
    gateway: Gateway,
) -> None:
    async with await user(gateway, Role.VIEWER) as http:
        wide = await http.post(TOKENS, json={"name": "ci", "permissions": ["request_scan"]})
        await made(http)
        twice = await http.post(TOKENS, json={"name": "CI", "permissions": ["read_inventory"]})
        gateway.clock.forward(minutes=5)
        late = await http.post(TOKENS, json={"name": "ci2", "permissions": ["read_inventory"]})

    assert (wide.status_code, twice.json()["code"], late.json()["code"]) == (
        422,
        "name-taken",
        "confirm-first",
    )


async def test_a_token_ends_by_itself(gateway: Gateway) -> None:
    async with await user(gateway, Role.VIEWER) as http:
        token = await made(http, days=2)
        too_long = await http.post(
            TOKENS, json={"name": "x", "permissions": ["read_inventory"], "days": 366}
        )
    async with program(gateway, token) as http:
        gateway.clock.forward(hours=47)
        before = (await http.get(ITEMS)).status_code
        gateway.clock.forward(hours=1)
        after = (await http.get(ITEMS)).status_code

    assert too_long.status_code == 422
    assert (before, after) == (200, 401)


async def test_a_token_works_from_its_networks_only(gateway: Gateway) -> None:
    async with await user(gateway, Role.VIEWER) as http:
        token = await made(http, networks=["203.0.113.0/28", "2001:db8::/64"])
        wrong = [
            await http.post(
                TOKENS, json={"name": "x", "permissions": ["read_inventory"], "networks": [text]}
            )
            for text in ("0.0.0.0/0", "::/0", "here", "203.0.113.1,203.0.113.2", "")
        ]
    found = []
    for address in ("203.0.113.5", "203.0.113.77", "2001:db8::9", "2001:db9::9"):
        async with program(gateway, token, address) as http:
            found.append((await http.get(ITEMS)).status_code)

    assert found == [200, 401, 200, 401]
    assert {answer.status_code for answer in wrong} == {422}


async def test_a_revoked_token_opens_nothing_anywhere(database: Database, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    async with (
        running_gateway(database, tmp_path / "a") as one,
        running_gateway(database, tmp_path / "b") as two,
        await user(one, Role.VIEWER) as http,
    ):
        token = await made(http)
        async with program(two, token) as there:
            before = (await there.get(ITEMS)).status_code
            revoked = await http.delete(f"{TOKENS}/{token['id']}")
            after = (await there.get(ITEMS)).status_code
        again = await http.delete(f"{TOKENS}/{token['id']}")
        renewed = await made(http)

    assert (before, revoked.status_code, after, again.status_code) == (200, 204, 401, 404)
    assert renewed["token"] != token["token"]


@pytest.mark.parametrize("how", ["disabled", "removed", "reset", "signed out"])
async def test_whoever_is_shut_out_has_no_tokens_either(gateway: Gateway, how: str) -> None:
    async with await user(gateway, Role.VIEWER) as http:
        token = await made(http)
    async with await gateway.signed_in(Role.ADMIN) as admin:
        everybody = (await admin.get("/api/v1/users")).json()["data"]
        path = f"/api/v1/users/{next(u['id'] for u in everybody if u['username'] == 'grace')}"
        match how:
            case "disabled":
                await admin.patch(path, json={"disabled": True})
            case "removed":
                await admin.delete(path)
            case "reset":
                await admin.put(f"{path}/password", json={"password": "a first one from elsewhere"})
            case _:
                await admin.delete(f"{path}/sessions")
    async with program(gateway, token) as http:
        answer = await http.get(ITEMS)

    assert answer.status_code == 401


async def test_a_token_sees_what_its_user_sees(gateway: Gateway, database: Database) -> None:
    await seed_estate(database, [SeedItem(name="mine", vault=1), SeedItem(name="theirs", vault=2)])
    async with await user(gateway, Role.VIEWER) as http:
        token = await made(http)
    await gateway.pool.execute("UPDATE gateway.app_user SET scope = 'vault:KV-Pay'")
    async with program(gateway, token) as http:
        names = [item["name"] for item in (await http.get(ITEMS)).json()["data"]]

    assert names == ["mine"]


async def test_the_use_of_a_token_is_noted_once_a_minute(gateway: Gateway) -> None:
    async with await user(gateway, Role.VIEWER) as http:
        token = await made(http)
        async with program(gateway, token) as there:
            await there.get(ITEMS)
            first = (await http.get(TOKENS)).json()["data"][0]["last_used_at"]
            gateway.clock.forward(seconds=59)
            await there.get(ITEMS)
            same = (await http.get(TOKENS)).json()["data"][0]["last_used_at"]
            gateway.clock.forward(seconds=1)
            await there.get(ITEMS)
            later = (await http.get(TOKENS)).json()["data"][0]["last_used_at"]

    assert first == same
    assert later > first


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[:-1],
        lambda text: text + "0",
        lambda text: text[:10] + ("A" if text[10] != "A" else "B") + text[11:],
        lambda text: text.upper(),
        lambda _: api_token.new_token(),
        lambda _: "ccp_",
        lambda _: "ccp_é",
    ],
)
async def test_a_token_that_is_not_ours_opens_nothing(gateway: Gateway, change: Any) -> None:
    async with await user(gateway, Role.VIEWER) as http:
        token = await made(http)
    text = change(token["token"]).encode("latin-1", "replace").decode("latin-1")
    async with gateway.client() as http:
        answer = await http.get(
            ITEMS, headers={"authorization": f"Bearer {text}".encode("latin-1")}
        )
        cookie = await http.get(ITEMS, headers={"cookie": f"__Host-session={token['token']}"})

    assert answer.status_code == 401
    assert cookie.status_code == 401, "a cookie never carries one"


async def test_a_program_has_its_users_limit(gateway: Gateway) -> None:
    limit = gateway.parts.authenticate.requests_per_minute
    async with await user(gateway, Role.VIEWER) as http:
        token = await made(http)
        before = int((await http.get(ME)).headers["ratelimit-remaining"])
        async with program(gateway, token) as there:
            after = int((await there.get(ITEMS)).headers["ratelimit-remaining"])

    assert after == before - 1
    assert after < limit
