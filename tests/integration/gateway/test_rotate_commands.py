"""`certifyclouds rotate` against a real gateway, and a rotator that hears."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from services.cli import rotate_through
from services.cli.app import commands
from services.cli.rotate_output import span
from services.gateway.domain.role import Role
from shared.errors import PermanentError, SettingsError, TransientError
from shared.events import RotationChangeRequested, RotationPauseRequested, RotationRequested
from tests.support import rotations
from tests.support.database import Database
from tests.support.gateway import Gateway, run_command
from tests.support.rotations import HASH, OTHER_SECRET, PAY, SECRET, WEB, hear, move, published

NAME = "payments-api/deploy 2026"


@pytest.fixture(autouse=True)
async def _estate(database: Database) -> None:
    await rotations.seed_rotations(database)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotate_through, "POLL_SECONDS", 0.05)


async def document(*words: str) -> Any:
    """Return what a command prints with --json."""
    result = await run_command("rotate", *words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@asynccontextmanager
async def hearing(database: Database, *states: str) -> AsyncIterator[None]:
    """Let the rotator hear what is asked meanwhile, and take a rotation through these states."""

    async def listen() -> None:
        left = list(states)
        while True:
            await hear(database)
            async with database.connection("rotator") as conn:
                found = await conn.fetchval("SELECT id FROM rotator.rotation WHERE NOT over")
            if found and left:
                state = left.pop(0)
                await move(database, str(found), state, over=not left)
            await asyncio.sleep(0.1)

    task = asyncio.create_task(listen())
    try:
        yield
    finally:
        task.cancel()


async def confirmed(database: Database) -> str:
    words = ("confirm", str(SECRET), "--place", str(PAY), "--overlap", "2d")
    found: str = (await document(*words))["id"]
    await hear(database)
    return found


async def waiting(database: Database) -> str:
    """Return a rotation of the command line's own user that waits for an approval."""
    await confirmed(database)
    found: str = (await document("run", NAME, "--approval"))["id"]
    await hear(database)
    await move(database, found, "awaiting_approval")
    return found


ACCOUNT = (
    "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg-pay"
    "/providers/Microsoft.Storage/storageAccounts/stpay"
)


@pytest.mark.usefixtures("reachable")
async def test_a_resources_key_is_confirmed_by_its_id_and_slot(database: Database) -> None:
    said = await run_command(
        "rotate", "confirm", "--resource", ACCOUNT, "--key", "key1", "--place", str(PAY)
    )
    await hear(database)
    [shown] = await document("credentials")

    assert said.stdout == f"Credential {shown['id']} is rotated from now on, when you ask.\n"
    assert shown["container"] == "stpay"


@pytest.mark.parametrize(
    "words", [[], [str(SECRET), "--resource", ACCOUNT, "--key", "key1"], ["--resource", ACCOUNT]]
)
async def test_half_or_two_credentials_are_not_confirmed(words: list[str]) -> None:
    refused = await run_command("rotate", "confirm", *words, "--place", str(PAY))

    assert isinstance(refused.exception, SettingsError)


@pytest.mark.usefixtures("reachable")
async def test_a_credential_is_confirmed_shown_and_released(database: Database) -> None:
    said = await run_command(
        "rotate", "confirm", str(SECRET), "--place", str(PAY), "--place", str(WEB)
    )
    await hear(database)
    [shown] = await document("credentials")
    table = await run_command("rotate", "credentials")
    released = await run_command("rotate", "release", "deploy 2026")
    await hear(database)
    gone = await run_command("rotate", "release", "deploy 2026")

    assert said.stdout == f"Credential {shown['id']} is rotated from now on, when you ask.\n"
    assert (len(shown["places"]), shown["overlap_seconds"]) == (2, 172_800)
    assert shown["id"] in table.stdout
    assert released.stdout == f"Credential {shown['id']} is rotated no longer.\n"
    assert isinstance(gone.exception, PermanentError)
    assert "0 credentials" in str(gone.exception)


@pytest.mark.usefixtures("reachable")
async def test_a_name_that_two_credentials_have_is_refused(database: Database) -> None:
    await confirmed(database)
    async with database.connection() as conn:
        await conn.execute("UPDATE scanner.item SET name = 'deploy 2026' WHERE name = 'tests'")
    await document("confirm", str(OTHER_SECRET), "--place", str(WEB))
    await hear(database)

    result = await run_command("rotate", "run", NAME)

    assert "2 credentials that are rotated are called" in str(result.exception)


@pytest.mark.usefixtures("reachable")
async def test_a_plan_is_waited_for_and_printed_readable(database: Database) -> None:
    credential = await confirmed(database)
    async with hearing(database):
        plan = await run_command("rotate", "plan", NAME)
        found = await document("plan", credential, "--emergency")

    for part in (
        "Replaces key-1 of object-1/client-1.",
        "lives 90 days; the old one works on for 48 hours.",
        "“pay-db” in https://kv-pay.test/ after version v1",
        "2. Use it for a real request.",
        "Warning: The target does not list",
        f"Digest: {HASH}",
    ):
        assert part in plan.stdout
    assert (plan.exit_code, found["emergency"]) == (0, True)


@pytest.mark.usefixtures("reachable")
async def test_a_plan_that_cannot_be_done_or_made_says_so(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await confirmed(database)
    monkeypatch.setitem(rotations.DOCUMENT, "refusals", ["The target has no room."])
    async with hearing(database):
        refused = await run_command("rotate", "plan", NAME)
    async with database.connection() as conn:
        await conn.execute(
            """
            CREATE FUNCTION rotator.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            NEW.failure := 'Graph refused.'; NEW.document := NULL; NEW.plan_hash := NULL;
            RETURN NEW; END $$;
            CREATE TRIGGER fail BEFORE INSERT ON rotator.plan
            FOR EACH ROW EXECUTE FUNCTION rotator.fail()
            """
        )
    async with hearing(database):
        failed = await run_command("rotate", "plan", NAME)

    assert refused.exit_code == 1
    assert "Cannot be done: The target has no room." in refused.stdout
    assert str(failed.exception) == "There is no plan: Graph refused."


@pytest.mark.usefixtures("reachable")
async def test_a_rotation_is_followed_step_by_step_to_its_end(database: Database) -> None:
    await confirmed(database)
    async with hearing(database, "scheduled", "overlap", "completed"):
        done = await run_command("rotate", "run", NAME, "--wait")
    [ended] = await document("status", "--all")

    assert done.exit_code == 0
    for step in ("requested → scheduled", "scheduled → overlap", "overlap → completed"):
        assert step in done.stderr
    assert f"Rotation {ended['id']} of {NAME}: completed" in done.stdout
    assert "emergency rotation" in done.stdout


@pytest.mark.usefixtures("reachable")
async def test_a_rotation_that_ends_in_anything_else_ends_the_command_with_1(
    database: Database,
) -> None:
    await confirmed(database)
    async with hearing(database, "overlap", "failed"):
        result = await run_command("rotate", "run", NAME, "--wait", "--json")

    assert result.exit_code == 1
    assert json.loads(result.stdout)["state"] == "failed"


@pytest.mark.usefixtures("reachable")
async def test_an_emergency_is_confirmed_by_name_and_reason(database: Database) -> None:
    await confirmed(database)
    unsure = await run_command("rotate", "run", NAME, "--emergency")
    sure = await run_command(
        "rotate", "run", NAME, "--emergency", "--confirm", "deploy 2026", "--reason", "leaked"
    )

    assert "an emergency needs" in str(unsure.exception)
    [event] = await published(database, RotationRequested)
    assert event.emergency
    assert sure.stdout == f"Rotation {event.rotation_id} is asked for.\n"


async def test_the_plan_is_shown_before_it_is_approved(
    reachable: Gateway, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    rotation = await waiting(database)
    own = await document_of_refusal(database, "approve", rotation, "--yes")
    monkeypatch.setenv("CERTIFYCLOUDS_TOKEN", await reachable.token(Role.APPROVER))
    words = ["rotate", "approve", rotation]
    unsure = await asyncio.to_thread(CliRunner().invoke, commands, words, input="n\n")
    sure = await asyncio.to_thread(CliRunner().invoke, commands, words, input="y\n")
    await hear(database)
    shown = await run_command("rotate", "status", rotation)

    assert "Somebody else approves" in own
    assert unsure.exit_code == 1
    assert f"Digest: {HASH}" in unsure.stderr
    assert sure.stdout.endswith(f"see `certifyclouds rotate status {rotation}`.\n")
    assert "Approved by approver-" in shown.stdout
    assert ": scheduled" in shown.stdout


async def document_of_refusal(database: Database, *words: str) -> str:
    async with hearing(database):
        return str((await run_command("rotate", *words)).exception)


async def test_what_was_never_planned_is_not_approved(
    reachable: Gateway, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    rotation = await waiting(database)
    monkeypatch.setenv("CERTIFYCLOUDS_TOKEN", await reachable.token(Role.APPROVER))
    async with database.connection("rotator") as conn:
        await conn.execute("UPDATE rotator.rotation SET plan_hash = NULL, plan = NULL")
    unplanned = await document_of_refusal(database, "approve", rotation, "--yes")

    assert "no plan yet" in unplanned
    assert await published(database, RotationChangeRequested) == []


async def test_rotations_are_rejected_withdrawn_and_rolled_back(
    reachable: Gateway, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    rotation = await waiting(database)
    withdrawn = await document("withdraw", rotation)
    await move(database, rotation, "overlap")
    back = await document("rollback", rotation, "--reason", "a client was forgotten")
    listed = await run_command("rotate", "status")
    await move(database, rotation, "awaiting_approval")
    monkeypatch.setenv("CERTIFYCLOUDS_TOKEN", await reachable.token(Role.APPROVER))
    rejected = await document("reject", rotation)

    answers = [answer["change"] for answer in (withdrawn, back, rejected)]
    assert answers == ["withdraw", "roll_back", "reject"]
    assert rotation in listed.stdout


@pytest.mark.usefixtures("reachable")
async def test_rotations_are_paused_and_resumed(database: Database) -> None:
    credential = await confirmed(database)
    frozen = ("--reason", "a freeze")
    said = await run_command("rotate", "pause", "--everything", *frozen)
    await document("pause", "--subscription", "sub-a", *frozen)
    await document("pause", "--credential", NAME, *frozen)
    resumed = await document("resume", "--credential", credential)
    nothing = await run_command("rotate", "resume")
    both = await run_command("rotate", "resume", "--everything", "--credential", NAME)

    assert said.stdout == "Rotation of everything is paused.\n"
    assert resumed == {"scope": "credential", "target": credential, "paused": False}
    assert isinstance(nothing.exception, SettingsError)
    assert isinstance(both.exception, SettingsError)
    targets = [event.target for event in await published(database, RotationPauseRequested)]
    assert targets == ["", "sub-a", credential, credential]


class Silent:
    """A platform whose rotator hears nothing, or whose rotation never ends."""

    def __init__(self, found: dict[str, Any] | None) -> None:
        self.find: Callable[[str], Any] = lambda _: found
        self.get = self.find


def test_a_rotator_that_does_not_answer_is_not_waited_for_without_end() -> None:
    with pytest.raises(TransientError, match="is it running"):
        list(rotate_through.follow(Silent(None), "r", timedelta(0), lambda _: None))  # type: ignore[arg-type]


def test_a_rotation_is_watched_for_a_while_and_less_often_with_time() -> None:
    waits: list[float] = []
    goes_on = Silent({"over": False, "state": "overlap"})
    limit = timedelta(hours=1)

    with pytest.raises(TransientError, match=r"goes on \(overlap\)"):
        list(rotate_through.follow(goes_on, "r", limit, waits.append))  # type: ignore[arg-type]

    assert waits[0] == 0.05
    assert max(waits) == 10.0
    assert 3600 <= sum(waits) <= 3610


@pytest.mark.parametrize(
    ("seconds", "words"), [(60, "60 seconds"), (172_800, "48 hours"), (7_776_000, "90 days")]
)
def test_spans_are_told_in_the_unit_that_people_count_in(seconds: int, words: str) -> None:
    assert span(seconds) == words
