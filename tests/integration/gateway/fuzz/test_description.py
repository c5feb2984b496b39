"""The whole API against its own description, as nobody, as a viewer and as an administrator."""

import asyncio
import os
from typing import Any

import pytest
from starlette.responses import JSONResponse

from services.gateway.domain.role import Role
from tests.support.door import Door
from tests.support.fuzz import Finding, fuzz
from tests.support.gateway import Gateway

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "3"))
# What an administrator's run must have come through to, or it has looked at refusals only.
REACHED = {
    "POST /api/v1/scans",
    "POST /api/v1/schedules",
    "POST /api/v1/auth/tokens",
    "POST /api/v1/users",
    "DELETE /api/v1/auth/sessions",
    "POST /api/v1/rotations/plans",
    "GET /api/v1/rotations",
    "GET /api/v1/rotation-credentials",
    "GET /api/v1/items",
    "GET /api/v1/items/{item_id}",
    "GET /api/v1/audit/export",
}


def door_of(gateway: Gateway) -> Door:
    """Return a door at which the run's own session is given back whenever it was ended."""

    async def revive(method: str, path: str, status: int) -> None:
        if method != "GET" and status < 300 and ("/auth/" in path or "/users/" in path):
            await gateway.pool.execute("UPDATE gateway.session SET revoked_at = NULL")

    return Door(gateway.public.app, revive)


async def described(gateway: Gateway) -> dict[str, Any]:
    async with gateway.client() as http:
        description: dict[str, Any] = (await http.get("/openapi.json")).json()
    return description


async def findings(
    gateway: Gateway, door: Door, role: Role | None, **description: Any
) -> list[Finding]:
    whole = await described(gateway)
    token = await gateway.token(role) if role else None
    return await asyncio.to_thread(
        fuzz, door, whole | description, who=role or "nobody", token=token, examples=EXAMPLES
    )


@pytest.mark.slow
@pytest.mark.parametrize("role", [None, Role.VIEWER, Role.ADMIN])
async def test_every_answer_is_one_that_the_description_tells(
    gateway: Gateway, role: Role | None
) -> None:
    door = door_of(gateway)

    found = await findings(gateway, door, role)

    assert not found, "\n".join(map(str, found))
    done = {f"{method} {path}" for method, path, status in door.answered if status < 300}
    assert role is not Role.ADMIN or done >= REACHED


@pytest.mark.parametrize("role", [None, Role.VIEWER])
async def test_a_hole_in_the_guard_would_be_found(gateway: Gateway, role: Role | None) -> None:
    async def nothing(*_: object) -> None: ...

    document = {"data": [], "meta": {"next_cursor": None}}
    door = Door(JSONResponse(document), nothing)
    path = "/api/v1/users"
    operations = (await described(gateway))["paths"][path]

    found = await findings(gateway, door, role, paths={path: operations})

    assert {"RightsAreKept"} <= {one.check for one in found if one.operation == f"GET {path}"}
