"""Approvals over the command line."""

import asyncio
import json

import pytest
from typer.testing import CliRunner

from services.cli.app import commands
from services.gateway.domain.role import Role
from tests.integration.gateway.test_approvals import asked
from tests.integration.gateway.test_queues import QUEUE, bury
from tests.support.database import Database
from tests.support.gateway import Gateway, run_command


@pytest.mark.usefixtures("reachable")
async def test_the_command_line_asks_shows_and_decides(
    database: Database,
) -> None:
    await bury(database, b"{}")
    request = json.loads(
        (await run_command("dead-letters", "request-purge", QUEUE, "--all", "--json")).stdout
    )
    said = await run_command("dead-letters", "request-purge", QUEUE, "--all", "--reason", "old")
    listed = json.loads((await run_command("approvals", "list", "--json")).stdout)
    table = await run_command("approvals", "list")
    shown = json.loads((await run_command("approvals", "show", request["id"], "--json")).stdout)
    own = await run_command("approvals", "approve", request["id"], "--yes")
    taken_back = await run_command("approvals", "withdraw", request["id"])

    assert [f"approve {one['id']}" in said.stdout for one in listed if one["reason"]] == [True]
    assert {one["reason"] for one in listed} == {"", "old"}
    assert all(one["id"] in table.stdout for one in listed)
    assert shown["plan"]["queue"] == QUEUE
    assert "Somebody else decides" in str(own.exception)
    assert taken_back.stdout == f"Request {request['id']} is withdrawn.\n"


async def test_the_command_line_shows_the_plan_before_it_decides(
    reachable: Gateway, database: Database
) -> None:
    letter = await bury(database, b"{}")
    async with await reachable.signed_in(Role.ADMIN) as eve:
        request = await asked(eve)
    words = ["approvals", "approve", request["id"]]
    unsure = await asyncio.to_thread(CliRunner().invoke, commands, words, input="n\n")
    sure = await asyncio.to_thread(CliRunner().invoke, commands, words, input="y\n")

    assert unsure.exit_code == 1
    assert str(letter) in unsure.stderr
    assert sure.stdout.endswith(f"Request {request['id']} is approved.\n")
