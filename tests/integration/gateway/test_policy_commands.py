"""`certifyclouds rotate` for policies, freezes and suggestions, against a real gateway."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.gateway.domain.role import Role
from services.rotator.steps.suggest import Suggester
from shared.errors import PermanentError, SettingsError
from shared.events import RotationPolicyChangeRequested
from shared.service.http import serve_http
from tests.support.database import Database
from tests.support.gateway import Gateway, run_command
from tests.support.rotations import PAY, SECRET, hear, published, seed_rotations

SET = ("rotate", "policy", "set", "passwords", "--selector", "kind:app_secret")


@pytest.fixture(autouse=True)
async def _reachable(
    gateway: Gateway, database: Database, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[None]:
    """The command line is signed in to a gateway that listens."""
    await seed_rotations(database)
    monkeypatch.setenv("CERTIFYCLOUDS_TOKEN", await gateway.token(Role.ADMIN))
    async with serve_http(gateway.public.app, host="127.0.0.1", port=0) as port:
        monkeypatch.setenv("CERTIFYCLOUDS_URL", f"http://127.0.0.1:{port}")
        yield


async def shown(what: str, *more: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(
        (await run_command("rotate", what, "--json", *more)).stdout
    )
    return found


async def test_a_policy_is_set_changed_under_its_name_and_removed(database: Database) -> None:
    window = ("--window", "0 2 * * 6 for 4h in Europe/Berlin", "--window", "0 3 * * * for 2h")
    first = await run_command(*SET, "--rotate-before", "3w", "--overlap", "3d", *window)
    await hear(database)
    [policy] = await shown("policies")
    table = await run_command("rotate", "policies")
    await run_command(*SET[:3], "PASSWORDS", *SET[4:], "--disabled", "--approval")
    await hear(database)
    [changed] = await shown("policies")
    removed = await run_command("rotate", "policy", "remove", "passwords")
    await hear(database)

    assert first.exit_code == 0
    assert (policy["rotate_before_days"], policy["overlap_seconds"]) == (21, 259_200)
    assert policy["windows"] == [
        {"opens": "0 2 * * 6", "time_zone": "Europe/Berlin", "lasts_minutes": 240},
        {"opens": "0 3 * * *", "time_zone": "UTC", "lasts_minutes": 120},
    ]
    assert "passwords" in table.stdout
    assert changed["id"] == policy["id"]
    assert (changed["enabled"], changed["requires_approval"]) == (False, True)
    assert (removed.exit_code, await shown("policies")) == (0, [])


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--window", "always"), "write “0 2"),
        (("--rotate-before", "12h"), "whole days"),
    ],
)
async def test_what_cannot_be_read_is_refused_before_anything_is_asked_for(
    database: Database, more: tuple[str, str], words: str
) -> None:
    wrong = await run_command(*SET, *more)

    assert isinstance(wrong.exception, SettingsError)
    assert words in str(wrong.exception)
    assert await published(database, RotationPolicyChangeRequested) == []


async def test_what_the_platform_refuses_is_said_in_a_sentence() -> None:
    wrong = await run_command(*SET, "--overlap", "89d")
    nothing = await run_command("rotate", "policy", "remove", "nobody's")

    assert isinstance(wrong.exception, PermanentError)
    assert "would not outlive its overlap" in str(wrong.exception)
    assert isinstance(nothing.exception, PermanentError)
    assert "No policy is called" in str(nothing.exception)


async def test_a_freeze_is_added_shown_and_taken_back(database: Database) -> None:
    added = await run_command(
        "rotate", "freeze", "2030-12-20T00:00:00Z", "2031-01-02T00:00:00Z", "The year's end."
    )
    await hear(database)
    [freeze] = await shown("freezes")
    await run_command("rotate", "unfreeze", freeze["id"])
    await hear(database)

    assert freeze["id"] in added.stdout
    assert await shown("freezes") == []


async def test_suggestions_are_shown_with_their_reasons(database: Database) -> None:
    async with database.connection() as conn:
        await conn.execute(
            'UPDATE scanner.item SET tags = \'{"app": "client-1"}\' WHERE id = $1', PAY
        )
    async with database.pool("rotator") as pool:
        await Suggester(pool=pool).turn()

    found = await shown("suggestions", "--band", "high")
    table = await run_command("rotate", "suggestions", "--all")
    look = await run_command("rotate", "suggestions", "--look")

    assert (SECRET, PAY) in {(one["item_id"], one["place_item_id"]) for one in found}
    assert "client id" in " ".join(table.stdout.split())
    assert (look.exit_code, look.stdout) == (0, "A new look is asked for.\n")
