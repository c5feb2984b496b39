"""Limits, locks and revocations are the installation's, not a replica's: they outlive restarts."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.gateway.domain.role import Role
from tests.support.database import Database
from tests.support.gateway import PASSWORD, Gateway, TestClock, running_gateway

LOGIN = "/api/v1/auth/login"
ME = "/api/v1/auth/me"


class Installation:
    """Two replicas behind one clock; `restarted` is a third after both have ended."""

    def __init__(self, database: Database, folder: Path, **settings: Any) -> None:
        self._database = database
        self._folder = folder
        self._settings = settings
        self.clock = TestClock()

    @asynccontextmanager
    async def replicas(self) -> AsyncIterator[tuple[Gateway, Gateway]]:
        async with AsyncExitStack() as stack:
            one, two = [await stack.enter_async_context(self._one(name)) for name in "ab"]
            yield one, two

    @asynccontextmanager
    async def restarted(self) -> AsyncIterator[Gateway]:
        async with self._one("c") as gateway:
            yield gateway

    @asynccontextmanager
    async def _one(self, name: str) -> AsyncIterator[Gateway]:
        folder = self._folder / name
        folder.mkdir()
        running = running_gateway(self._database, folder, clock=self.clock, **self._settings)
        async with running as gateway:
            yield gateway


async def sign_in(gateway: Gateway, name: str, password: str = PASSWORD) -> httpx.Response:
    async with gateway.client("203.0.113.1") as http:
        return await http.post(LOGIN, json={"username": name, "password": password})


async def asked(gateway: Gateway, token: str, path: str = ME) -> int:
    async with gateway.client("203.0.113.1", authorization=f"Bearer {token}") as http:
        return (await http.get(path)).status_code


async def test_the_limit_of_sign_ins_holds(database: Database, tmp_path: Path) -> None:
    installation = Installation(database, tmp_path)
    async with installation.replicas() as (one, two):
        name = await one.add_user(Role.VIEWER)
        found = [
            (await sign_in(replica, name)).status_code for _ in range(5) for replica in (one, two)
        ]
        eleventh = [(await sign_in(replica, name)).status_code for replica in (one, two)]
    async with installation.restarted() as three:
        later = (await sign_in(three, name)).status_code
        installation.clock.forward(seconds=6)
        after = (await sign_in(three, name)).status_code

    assert found == [200] * 10
    assert (eleventh, later, after) == ([429, 429], 429, 200)


async def test_a_lock_holds(database: Database, tmp_path: Path) -> None:
    installation = Installation(database, tmp_path, logins_per_minute=1000)
    async with installation.replicas() as (one, two):
        name = await one.add_user(Role.VIEWER)
        for replica in (one, two, one, two, one):
            await sign_in(replica, name, "not the password")
        locked = [(await sign_in(replica, name)).status_code for replica in (one, two)]
    async with installation.restarted() as three:
        later = (await sign_in(three, name)).status_code
        installation.clock.forward(minutes=15)
        after = (await sign_in(three, name)).status_code

    assert (locked, later, after) == ([401, 401], 401, 200)


@pytest.mark.parametrize("how", ["signed out", "disabled"])
async def test_a_revocation_holds(database: Database, tmp_path: Path, how: str) -> None:
    installation = Installation(database, tmp_path)
    async with installation.replicas() as (one, two):
        name = await one.add_user(Role.VIEWER)
        token = (await sign_in(one, name)).json()["access_token"]
        before = [await asked(replica, token) for replica in (one, two)]
        if how == "disabled":
            await one.pool.execute(
                "UPDATE gateway.app_user SET disabled_at = now() WHERE username = $1", name
            )
        else:
            async with one.client(authorization=f"Bearer {token}") as http:
                await http.post("/api/v1/auth/logout", json={})
        after = [await asked(replica, token) for replica in (one, two)]
    async with installation.restarted() as three:
        later = await asked(three, token)

    assert (before, after, later) == ([200, 200], [401, 401], 401)


async def test_the_limit_of_requests_holds(database: Database, tmp_path: Path) -> None:
    installation = Installation(database, tmp_path, requests_per_minute=6)
    async with installation.replicas() as (one, two):
        name = await one.add_user(Role.VIEWER)
        token = (await sign_in(one, name)).json()["access_token"]
        found = [await asked(replica, token) for _ in range(4) for replica in (one, two)]
    async with installation.restarted() as three:
        later = await asked(three, token)
        installation.clock.forward(seconds=10)
        after = await asked(three, token)

    assert found == [200] * 6 + [429] * 2
    assert (later, after) == (429, 200)
