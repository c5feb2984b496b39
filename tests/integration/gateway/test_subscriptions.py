"""Subscriptions over API and command line: seen, left out by choice, and on record."""

import json

import orjson
import pytest

from services.gateway.domain.role import Role
from services.gateway.routes.subscriptions import Subscription
from shared.events import SubscriptionChangeRequested
from tests.support.database import Database
from tests.support.gateway import Gateway, SeedItem, run_command, seed_estate

PATH = "/api/v1/subscriptions"


async def published(database: Database) -> list[SubscriptionChangeRequested]:
    async with database.connection() as conn:
        rows = await conn.fetch(
            "SELECT body FROM bus.message WHERE type = $1 ORDER BY created_at",
            SubscriptionChangeRequested.type,
        )
    return [SubscriptionChangeRequested.model_validate(orjson.loads(row["body"])) for row in rows]


@pytest.fixture(autouse=True)
async def _estate(database: Database) -> None:
    await seed_estate(database, [SeedItem(name="a"), SeedItem(name="b")])


async def test_each_subscription_is_told_with_what_is_in_it(gateway: Gateway) -> None:
    async with await gateway.signed_in(Role.VIEWER) as http:
        rows = (await http.get(PATH)).json()["data"]

    found = [Subscription.model_validate(row) for row in rows]
    assert found
    assert all(one.watched and one.watch_requested_by is None for one in found)
    assert sum(one.vaults for one in found) >= 1


async def test_leaving_one_out_is_one_event_and_one_record(
    gateway: Gateway, database: Database
) -> None:
    async with await gateway.signed_in(Role.ADMIN) as http:
        first = (await http.get(PATH)).json()["data"][0]["id"]
        answer = await http.put(f"{PATH}/{first.upper()}", json={"watched": False})
        unknown = await http.put(f"{PATH}/unknown", json={"watched": False})

    assert (answer.status_code, answer.json()) == (202, {"id": first, "watched": False})
    assert unknown.status_code == 404
    [event] = await published(database)
    assert (event.subscription_id, event.watched) == (first, False)
    [entry] = [one for one in await gateway.actions() if one[0].startswith("subscription:")]
    assert entry[0::2] == ("subscription:change-requested", first)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.AUDITOR, Role.OPERATOR, Role.APPROVER])
async def test_only_administrators_leave_subscriptions_out(gateway: Gateway, role: Role) -> None:
    async with await gateway.signed_in(role) as http:
        first = (await http.get(PATH)).json()["data"][0]["id"]
        answer = await http.put(f"{PATH}/{first}", json={"watched": False})

    assert answer.status_code == 403


@pytest.mark.usefixtures("reachable")
async def test_the_command_line_lists_and_asks(database: Database) -> None:
    listed = json.loads((await run_command("subscriptions", "list", "--json")).stdout)
    table = await run_command("subscriptions", "list")
    first = listed[0]["id"]
    left_out = await run_command("subscriptions", "unwatch", first)
    back = await run_command("subscriptions", "watch", first, "--json")

    assert first in table.stdout
    assert left_out.stdout == f"The next scan leaves out {first}.\n"
    assert json.loads(back.stdout) == {"id": first, "watched": True}
    assert [event.watched for event in await published(database)] == [False, True]
