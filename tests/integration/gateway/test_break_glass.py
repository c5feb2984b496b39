"""A way in for an administrator who is locked out: made beside the database, used once."""

import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from services.cli.app import commands
from services.gateway.app import offer_code
from services.gateway.domain.role import Role
from shared.database import embedded_url
from shared.errors import SettingsError
from tests.support.database import PASSWORDS, Database
from tests.support.gateway import PASSWORD, Gateway

LOGIN, ME = "/api/v1/auth/login", "/api/v1/auth/me"
NEW = "seven green bottles stand apart"
QUARTER = timedelta(minutes=15)


@pytest.fixture
def offer(database: Database) -> Callable[[str], Awaitable[str]]:
    async def code(username: str) -> str:
        return await offer_code(database.url("gateway"), username, QUARTER)

    return code


async def use(gateway: Gateway, code: str, username: str, password: str = NEW) -> httpx.Response:
    async with gateway.client("203.0.113.5") as http:
        body = {"setup_token": code, "username": username, "password": password}
        return await http.post(LOGIN, json=body)


async def me(gateway: Gateway, token: str) -> httpx.Response:
    async with gateway.client(authorization=f"Bearer {token}") as http:
        return await http.get(ME)


async def test_it_restores_an_administrator_who_was_disabled_demoted_and_locked(
    gateway: Gateway, offer: Callable[[str], Awaitable[str]]
) -> None:
    await gateway.add_user(Role.VIEWER, "ada")
    await gateway.add_user(Role.ADMIN, "eve")
    await gateway.pool.execute(
        "UPDATE gateway.app_user SET scope = 'env:prod', disabled_at = now() WHERE username = 'ada'"
    )
    async with gateway.client("203.0.113.5") as http:
        for _ in range(6):
            await http.post(LOGIN, json={"username": "ada", "password": "wrong wrong wrong"})

    answer = await use(gateway, await offer("Ada"), "ada")

    assert answer.status_code == 200, answer.text
    found = (await me(gateway, answer.json()["access_token"])).json()
    assert (found["role"], found["scope"], found["second_factor"]) == ("admin", "", False)
    async with gateway.client("203.0.113.5") as http:
        assert (
            await http.post(LOGIN, json={"username": "ada", "password": NEW})
        ).status_code == 200


async def test_what_was_open_elsewhere_ends_with_it(
    gateway: Gateway, offer: Callable[[str], Awaitable[str]]
) -> None:
    name = await gateway.add_user(Role.ADMIN)
    async with gateway.client() as http:
        old = await http.post(LOGIN, json={"username": name, "password": PASSWORD})
    token = old.json()["access_token"]
    assert (await me(gateway, token)).status_code == 200

    await use(gateway, await offer(name), name)

    assert (await me(gateway, token)).status_code == 401
    async with gateway.client() as http:
        again = await http.post(LOGIN, json={"username": name, "password": PASSWORD})
    assert again.status_code == 401


async def test_it_makes_an_administrator_of_somebody_new(
    gateway: Gateway, offer: Callable[[str], Awaitable[str]]
) -> None:
    await gateway.add_user(Role.ADMIN)

    answer = await use(gateway, await offer("grace"), "grace")

    assert (answer.status_code, answer.json()["role"]) == (200, "admin")


@pytest.mark.parametrize("wrong", ["another name", "another code", "too late", "used"])
async def test_it_is_for_one_name_once_and_for_a_quarter_of_an_hour(
    gateway: Gateway, offer: Callable[[str], Awaitable[str]], wrong: str
) -> None:
    await gateway.add_user(Role.ADMIN, "eve")
    code, name = await offer("grace"), "grace"
    if wrong == "another name":
        name = "eve"
    if wrong == "another code":
        code = await offer("grace") and code
    if wrong == "too late":
        gateway.clock.forward(minutes=16)
    if wrong == "used":
        await use(gateway, code, name)

    answer = await use(gateway, code, name)

    assert (answer.status_code, answer.json()["code"]) == (401, "set-up-refused")


async def test_a_weak_password_is_refused_and_the_code_stays_good(
    gateway: Gateway, offer: Callable[[str], Awaitable[str]]
) -> None:
    code = await offer("grace")

    refused = await use(gateway, code, "grace", "password1234")

    assert refused.status_code == 422
    assert (await use(gateway, code, "grace")).status_code == 200


async def test_making_and_using_it_are_on_record(
    gateway: Gateway, offer: Callable[[str], Awaitable[str]]
) -> None:
    code = await offer("grace")
    await use(gateway, code, "grace")

    actions = [(action, actor, subject) for action, actor, subject, _ in await gateway.actions()]
    assert ("break-glass:offered", "command line", "grace") in actions
    assert ("administrator:created", "break-glass code", "grace") in actions
    rows = await gateway.pool.fetch("SELECT x::text AS row FROM audit.entry AS x")
    assert not any(code in row["row"] for row in rows)


def test_the_command_finds_the_platform_of_its_folder(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = {"secret_key": "x", "passwords": {**PASSWORDS, "migrator": "x"}}
    (tmp_path / "secrets.json").write_text(json.dumps(secret))
    monkeypatch.setenv("DATABASE_URL", database.url("postgres"))
    words = ["break-glass", "ada", "--data-dir", str(tmp_path), "--json"]

    found = CliRunner().invoke(commands, words)

    assert found.exit_code == 0, found.output
    assert json.loads(found.stdout)["code"].startswith("ccs_")


def test_without_a_platform_it_says_what_to_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)

    found = CliRunner().invoke(commands, ["break-glass", "ada", "--data-dir", str(tmp_path)])

    assert "--data-dir" in str(found.exception)
    assert found.output == ""


def test_the_embedded_server_of_a_folder_is_found_by_its_port(tmp_path: Path) -> None:
    (tmp_path / "port").write_text("5433")
    (tmp_path / "superuser.pw").write_text("a/b")

    assert embedded_url(tmp_path) == "postgresql://postgres:a%2Fb@127.0.0.1:5433/certifyclouds"
    with pytest.raises(SettingsError, match="No database was ever started"):
        embedded_url(tmp_path / "elsewhere")
