"""Denied unless declared: every route, every role, and everybody who is not signed in."""

from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Mount

from services.gateway.app import ROUTERS, guarded_routes
from services.gateway.domain.role import Permission, Role, allows
from services.gateway.middleware.guard import GuardedRoute, permission_of
from tests.support.database import Database
from tests.support.gateway import PASSWORD, Gateway, running_gateway

OPEN = {
    ("GET", "/"),
    ("GET", "/docs"),
    ("GET", "/health"),
    ("GET", "/health/live"),
    ("GET", "/health/ready"),
    ("GET", "/health/startup"),
    ("POST", "/api/v1/auth/login"),
    ("GET", "/api/v1/license/status"),
}
# What FastAPI and Starlette serve themselves: the description and the pages' files.
FILES = {"/openapi.json", "/assets/docs", "/assets"}


# They end the very session that asks, or say with 403 that the password was wrong.
ENDING = {"/api/v1/auth/logout"}


def endpoints() -> list[tuple[str, str, Permission]]:
    return [
        (method, route.path, permission_of(route.endpoint))
        for route in guarded_routes()
        for method in sorted(route.methods or ())
    ]


def flat(routes: list[BaseRoute]) -> list[BaseRoute]:
    """Return the routes of an application, those of included routers too."""
    found: list[BaseRoute] = []
    for route in routes:
        included: Any = getattr(route, "original_router", None)
        found += flat(included.routes) if included is not None else [route]
    return found


def test_exactly_the_named_endpoints_are_open() -> None:
    found = {(m, path) for m, path, permission in endpoints() if permission is Permission.OPEN}

    assert found == OPEN


async def test_every_route_of_the_application_is_guarded_or_a_named_file(
    gateway: Gateway,
) -> None:
    app: Any = gateway.public.app
    routes = flat(app.inner.routes)

    assert len([route for route in routes if isinstance(route, GuardedRoute)]) == len(
        guarded_routes()
    )
    unguarded = {
        getattr(route, "path", "?") for route in routes if not isinstance(route, GuardedRoute)
    }
    assert unguarded == FILES
    assert all(
        isinstance(r, Mount) for r in routes if getattr(r, "path", "") in FILES - {"/openapi.json"}
    )


def test_an_endpoint_that_declares_nothing_cannot_become_a_route() -> None:
    async def forgotten() -> None: ...

    for router in ROUTERS:
        assert router.route_class is GuardedRoute
        with pytest.raises(TypeError, match="does not declare its permission"):
            router.add_api_route("/forgotten", forgotten)
        assert not any(isinstance(r, APIRoute) and r.name == "forgotten" for r in router.routes)


def filled(path: str) -> str:
    """Return the path with values that lead to nothing."""
    uuid = "00000000-0000-4000-8000-000000000000"
    return (
        path.replace("{scan_id}", uuid)
        .replace("{item_id}", "999999")
        .replace("{vault_id}", "999999")
        .replace("{application_id}", "999999")
        .replace("{schedule_id}", uuid)
        .replace("{user_id}", uuid)
        .replace("{session_id}", uuid)
        .replace("{token_id}", uuid)
        .replace("{rotation_id}", uuid)
        .replace("{credential_id}", uuid)
        .replace("{plan_id}", uuid)
        .replace("{policy_id}", uuid)
        .replace("{freeze_id}", uuid)
        .replace("{queue}", "scanner.none")
        .replace("{letter_id}", uuid)
    )


@pytest.mark.parametrize("role", [None, *Role])
async def test_each_role_reaches_what_the_table_says_and_nothing_else(
    gateway: Gateway, role: Role | None
) -> None:
    gateway.parts.hub.closed = True  # a stream then ends at once
    token = await gateway.token(role) if role else None
    headers = {"authorization": f"Bearer {token}"} if token else {}
    async with gateway.client(**headers) as http:
        for method, path, permission in endpoints():
            if path in ENDING:
                continue
            answer = await http.request(method, filled(path), json={} if method == "POST" else None)
            what = f"{role} {method} {path}: {answer.status_code}"
            if allows(role, permission):
                assert answer.status_code not in {401, 403, 500}, what
            elif role is None:
                assert answer.status_code == 401, what
                assert answer.json()["code"] == "not-signed-in", what
            else:
                assert answer.status_code == 403, what
                assert answer.json()["code"] == "not-allowed", what


async def test_a_stranger_learns_nothing_about_what_a_body_should_hold(gateway: Gateway) -> None:
    async with gateway.client() as http:
        answer = await http.post("/api/v1/scans", content=b"{not json")

    assert answer.status_code == 401


async def test_a_denial_is_in_the_audit_log(gateway: Gateway) -> None:
    async with await gateway.signed_in(Role.VIEWER) as http:
        await http.post("/api/v1/scans", json={})

    action, _, subject, outcome = (await gateway.actions())[-1]
    assert (action, subject, outcome) == ("access:denied", "POST /api/v1/scans", "refused")


async def test_requests_are_limited_per_user_and_the_answer_says_how(gateway: Gateway) -> None:
    limit = gateway.parts.authenticate.requests_per_minute
    name = await gateway.add_user(Role.VIEWER)
    login = {"username": name, "password": PASSWORD}
    async with (
        gateway.client("203.0.113.1") as one,
        gateway.client("203.0.113.2") as two,
        await gateway.signed_in(Role.VIEWER) as other,
    ):
        for http in (one, two):
            token = (await http.post("/api/v1/auth/login", json=login)).json()["access_token"]
            http.headers["authorization"] = f"Bearer {token}"
        first = await one.get("/api/v1/auth/me")
        second = await two.get("/api/v1/auth/me")
        await gateway.pool.execute("UPDATE gateway.rate_bucket SET tokens = 0.5")
        refused = await two.get("/api/v1/auth/me")
        await gateway.pool.execute(
            "DELETE FROM gateway.rate_bucket WHERE key NOT IN (SELECT 'user/' || id::text"
            " FROM gateway.app_user WHERE username = $1)",
            name,
        )
        others = await other.get("/api/v1/auth/me")

    assert first.headers["ratelimit-limit"] == str(limit)
    assert first.headers["ratelimit-remaining"] == str(limit - 1)
    assert second.headers["ratelimit-remaining"] == str(limit - 2)
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.json()["code"] == "too-many-requests"
    assert others.status_code == 200


async def test_requests_without_a_session_are_limited_per_network(
    database: Database, tmp_path: Path
) -> None:
    async with running_gateway(database, tmp_path, requests_per_minute=3) as gateway:
        async with gateway.client("203.0.113.1") as http:
            statuses = [(await http.get("/api/v1/items")).status_code for _ in range(5)]
        async with gateway.client("203.0.113.2", authorization="Bearer forged") as http:
            elsewhere = (await http.get("/api/v1/items")).status_code

    assert statuses == [401, 401, 401, 429, 429]
    assert elsewhere == 401
