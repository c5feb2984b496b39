"""`certifyclouds schedules` and `scan --selector` against a real gateway."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from typer.testing import CliRunner, Result

from services.cli.app import commands
from services.gateway.domain.role import Role
from shared.errors import PermanentError, SettingsError
from shared.service.http import serve_http
from tests.support.gateway import Gateway


@pytest.fixture
async def _reachable(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """The command line is signed in to a gateway that listens."""
    monkeypatch.setenv("CERTIFYCLOUDS_TOKEN", await gateway.token(Role.OPERATOR))
    async with serve_http(gateway.public.app, host="127.0.0.1", port=0) as port:
        monkeypatch.setenv("CERTIFYCLOUDS_URL", f"http://127.0.0.1:{port}")
        yield


async def run(*words: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, commands, list(words))


@pytest.mark.usefixtures("_reachable")
async def test_a_schedule_is_added_listed_and_removed_by_its_name() -> None:
    added = await run(
        "schedules", "add", "nightly", "0 2 * * *", "--time-zone", "Europe/Berlin",
        "--selector", "sub:prod-*", "--json",
    )  # fmt: skip
    table = await run("schedules", "list")
    listed = json.loads((await run("schedules", "list", "--json")).stdout)
    removed = await run("schedules", "remove", "nightly")
    left = json.loads((await run("schedules", "list", "--json")).stdout)

    assert [one["id"] for one in listed] == [json.loads(added.stdout)["id"]]
    assert "nightly" in table.stdout
    assert (removed.exit_code, left) == (0, [])


@pytest.mark.usefixtures("_reachable")
async def test_what_the_platform_refuses_is_said_in_a_sentence() -> None:
    wrong = await run("schedules", "add", "nightly", "daily")
    nothing = await run("schedules", "remove", "nightly")

    assert isinstance(wrong.exception, PermanentError)
    assert "write five fields" in str(wrong.exception)
    assert isinstance(nothing.exception, PermanentError)
    assert "0 schedules are called" in str(nothing.exception)


async def test_a_selector_that_cannot_be_used_is_refused_before_anything_is_asked_for() -> None:
    found = await run("scan", "--selector", "name:db-*")

    assert isinstance(found.exception, SettingsError)
    assert "a vault is read whole or not at all" in str(found.exception)
