"""Ids in paths: what is not yours to see is answered like what does not exist."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.gateway.app import guarded_routes
from services.gateway.domain.role import Permission, Role, allows
from services.gateway.domain.scope import Scope
from services.gateway.middleware.guard import permission_of
from tests.support.database import Database
from tests.support.gateway import Gateway, SeedItem, running_gateway, seed_estate
from tests.support.rotations import hold

PARAMETER = re.compile(r"{(\w+)}")
# Scans are everybody's: somebody with a scope sees them with the numbers of their part.
NOBODYS: Mapping[str, str] = {
    "item_id": "999999",
    "vault_id": "999999",
    "application_id": "999999",
    "scan_id": "00000000-0000-4000-8000-000000000001",
    "schedule_id": "00000000-0000-4000-8000-000000000002",
    "user_id": "00000000-0000-4000-8000-000000000003",
    "session_id": "00000000-0000-4000-8000-000000000004",
    "token_id": "00000000-0000-4000-8000-000000000006",
    "subscription_id": "00000000-0000-4000-8000-000000000008",
    "approval_id": "00000000-0000-4000-8000-000000000007",
    "credential_id": "00000000-0000-4000-8000-000000000009",
    "rotation_id": "00000000-0000-4000-8000-00000000000a",
    "plan_id": "00000000-0000-4000-8000-00000000000b",
    "policy_id": "00000000-0000-4000-8000-00000000000c",
    "freeze_id": "00000000-0000-4000-8000-00000000000d",
    "queue": "scanner.none",
    "letter_id": "00000000-0000-4000-8000-000000000005",
}
# What an endpoint asks for before it looks at the id.
BODIES: Mapping[str, dict[str, str]] = {
    "/api/v1/rotations/{rotation_id}/approve": {"plan_hash": "ab" * 32}
}


def by_parameter() -> list[tuple[str, str, Permission]]:
    return sorted(
        (method, route.path, permission_of(route.endpoint))
        for route in guarded_routes()
        for method in route.methods or ()
        if PARAMETER.search(route.path)
    )


def filled(path: str, ids: Mapping[str, str]) -> str:
    return PARAMETER.sub(lambda found: ids[found[1]], path)


def told(answer: httpx.Response) -> tuple[int, dict[str, Any]]:
    """Return what an answer says, without its own id."""
    document = answer.json() if answer.content else {}
    return answer.status_code, {key: it for key, it in document.items() if key != "instance"}


def test_every_id_in_a_path_is_known_here() -> None:
    found = {name for _, path, _ in by_parameter() for name in PARAMETER.findall(path)}

    assert found == set(NOBODYS)


async def foreign(gateway: Gateway, database: Database) -> dict[str, str]:
    """Return ids of what there is and is not the reader's: in vault 2, of another user."""
    await seed_estate(database, [SeedItem(name="mine", vault=1), SeedItem(name="theirs", vault=2)])
    async with await gateway.signed_in(Role.ADMIN) as admin:
        me = (await admin.get("/api/v1/auth/me")).json()["username"]
        own = (await admin.get("/api/v1/auth/sessions")).json()["data"]
        made = {"name": "ci", "permissions": ["read_inventory"]}
        token = (await admin.post("/api/v1/auth/tokens", json=made)).json()
        everybody = (await admin.get("/api/v1/users")).json()["data"]
        items = (await admin.get("/api/v1/items")).json()["data"]
    mine, theirs = (
        next(item["id"] for item in items if item["name"] == name) for name in ("mine", "theirs")
    )
    return {
        **NOBODYS,
        **await hold(database, mine, theirs),
        "item_id": str(theirs),
        "vault_id": "2",
        "user_id": next(user["id"] for user in everybody if user["username"] == me),
        "session_id": own[0]["id"],
        "token_id": token["id"],
    }


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR, Role.ADMIN])
async def test_an_id_out_of_sight_is_answered_like_one_that_does_not_exist(
    database: Database, tmp_path: Path, role: Role
) -> None:
    async with running_gateway(database, tmp_path) as gateway:
        ids = await foreign(gateway, database)
        scope = Scope(vault_ids=frozenset({1}))
        gateway.see(lambda _: scope)
        async with await gateway.signed_in(role) as http:
            for method, path, permission in by_parameter():
                body = BODIES.get(path, {}) if method in {"POST", "PUT", "PATCH"} else None
                answers = [
                    told(await http.request(method, filled(path, given), json=body))
                    for given in (ids, NOBODYS)
                ]
                what = f"{role} {method} {path}: {answers}"
                assert answers[0] == answers[1], what
                assert answers[0][0] in ({403, 404, 422} if allows(role, permission) else {403})
                assert "theirs" not in str(answers[0]), what


async def test_a_session_of_somebody_else_is_not_ended_by_its_id(
    gateway: Gateway, database: Database
) -> None:
    ids = await foreign(gateway, database)
    async with await gateway.signed_in(Role.ADMIN) as http:
        answer = await http.delete(f"/api/v1/auth/sessions/{ids['session_id']}")
    left = await gateway.pool.fetchval(
        "SELECT revoked_at IS NULL FROM gateway.session WHERE id = $1::text::uuid",
        ids["session_id"],
    )

    assert answer.status_code == 404
    assert left is True
