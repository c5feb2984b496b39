"""What follows when a credential was replaced, when that failed, and who is told of it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest

from services.rotator import handlers
from shared.events import ItemKind
from shared.features import Feature
from shared.service.periodic import Periodic
from tests.support.alerting import expiring
from tests.support.database import Database
from tests.support.policies import DAY, HOUR, Policies
from tests.support.rotator import KEY_ID, message, tenant

NEW = "00000000-0000-4000-8000-0000000000d4"


@pytest.fixture
async def rules(database: Database) -> AsyncIterator[Policies]:
    async with tenant(database) as shop:
        rules = Policies(shop)
        await shop.confirm()
        await rules.ends_in(20)
        await rules.set()
        yield rules


async def replace(rules: Policies) -> datetime:
    """Let the rotation under way replace the credential; return when it was made."""
    async with rules.shop.estate.database.connection() as conn:
        made_at: datetime = await conn.fetchval(
            """
            INSERT INTO rotator.rotation_step
                   (rotation_id, previous_state, state, attempt, epoch, at)
            SELECT r.id, 'preflight', 'creating', 1, 1, now() - interval '3 days'
              FROM rotator.rotation AS r
             WHERE NOT r.over
            RETURNING at
            """
        )
        await conn.execute("UPDATE rotator.credential SET key_id = $1", NEW)
    await rules.end("completed", new_key_id=NEW)
    return made_at


async def scan(rules: Policies, days: float) -> None:
    """Let a scan find the new credential instead of the old one."""
    await rules.shop.estate.delete(rules.shop.app)
    found = await rules.shop.estate.add("deploy", kind=ItemKind.APP_SECRET, application="Shop")
    async with rules.shop.estate.database.connection() as conn:
        await conn.execute(
            "INSERT INTO scanner.credential (item_id, application_id, key_id)"
            " SELECT $1, id, $2 FROM scanner.application",
            *(found.item_id, NEW),
        )
    await rules.ends_in(days, item=found.item_id)


async def test_a_new_credential_is_due_by_its_rotation_until_a_scan_finds_it(
    rules: Policies,
) -> None:
    assert await rules.turn() == 1
    made_at = await replace(rules)

    assert await rules.turn() == 0

    found = await rules.outlook()
    assert found["key_id"] == NEW
    assert found["ends_at"] == made_at + 90 * DAY  # by the policy; it lives for longer
    assert found["next_at"] > await rules.now() + 50 * DAY
    assert found["warning"] is None


async def test_what_a_scan_finds_counts_more_than_what_the_rotation_told(rules: Policies) -> None:
    await rules.turn()
    await replace(rules)
    await scan(rules, days=25)

    assert await rules.turn() == 1

    causes = [row["trigger_key"].rpartition(":")[2] for row in await rules.rotations()]
    assert causes == [KEY_ID, NEW]


async def test_a_credential_that_somebody_removed_is_not_due_and_says_so(rules: Policies) -> None:
    await rules.turn()
    await replace(rules)
    await scan(rules, days=25)
    async with rules.shop.estate.database.connection() as conn:
        await conn.execute("UPDATE scanner.item SET deleted_at = now()")

    assert await rules.turn() == 0
    assert f"has no credential {NEW} (any more)" in (await rules.outlook())["warning"]


@pytest.mark.parametrize("state", ["abandoned", "rolled_back"])
async def test_what_ended_without_a_new_credential_is_not_begun_again(
    rules: Policies, state: str
) -> None:
    await rules.turn()
    await rules.end(state, reason="The vault was locked.")

    assert await rules.turn() == 0

    found = await rules.outlook()
    assert found["next_at"] is None
    assert f"ended in {state}" in found["warning"]
    assert found["warning"].endswith("The vault was locked.")


async def test_while_a_rotation_is_under_way_nothing_else_is_planned(rules: Policies) -> None:
    await rules.turn()

    assert await rules.turn() == 0

    found = await rules.outlook()
    assert (found["policy_reason"], found["next_at"]) == ("A rotation is under way.", None)


async def test_without_the_licence_what_is_due_is_not_begun_and_says_so(rules: Policies) -> None:
    rules.shop.licence.withdraw()

    assert await rules.turn() == 0
    assert "the licence does not include" in (await rules.outlook())["warning"]

    rules.shop.licence.allowed = set(Feature)
    assert await rules.turn() == 1


async def test_a_rotation_that_comes_soon_is_told_once_for_each_credential(rules: Policies) -> None:
    await rules.ends_in(33, lifetime=66)
    await rules.set(rotate_before_days=30, lifetime_days=66)
    for _ in range(3):
        await rules.turn()

    (told,) = rules.told()
    assert (told.policy, told.timeliness, told.warning) == ("passwords", "in_time", None)
    assert told.at <= await rules.now() + 7 * DAY


async def test_what_comes_later_than_that_is_told_later(rules: Policies) -> None:
    await rules.ends_in(60)

    await rules.turn()

    assert rules.told() == []


@pytest.mark.parametrize(
    "selector", ["kind:app_secret tag:env=prod", "kind:app_secret -vault:kv-pay", "sub:other"]
)
async def test_what_the_selector_does_not_mean_is_left_alone(
    rules: Policies, selector: str
) -> None:
    await rules.set(selector=selector)

    assert await rules.turn() == 0
    assert (await rules.outlook())["policy_reason"] == "No policy means this credential."


@pytest.mark.parametrize("holder", ["item", "vault"])
async def test_a_policy_asks_for_tags_of_secrets_and_of_their_vaults(
    rules: Policies, holder: str
) -> None:
    async with rules.shop.estate.database.connection() as conn:
        await conn.execute(f'UPDATE scanner.{holder} SET tags = \'{{"env": "prod"}}\'')  # noqa: S608 - a test's constant
    await rules.set(selector="tag:env=prod sub:payments vault:kv-* name:shop-password-1")

    assert await rules.turn() == 1


async def test_a_place_that_the_inventory_lost_leaves_it_open_and_nothing_begins(
    rules: Policies,
) -> None:
    await rules.shop.estate.lose(rules.shop.secrets[1])
    await rules.set(selector="kind:app_secret -tag:skip=true")

    assert await rules.turn() == 0
    assert "is not known" in (await rules.outlook())["policy_reason"]


async def test_an_announced_end_is_looked_at_at_once(rules: Policies) -> None:
    """The handler wakes the scheduler, whose next turn would come in an hour."""
    turned = asyncio.Event()

    async def turn() -> None:
        if await rules.turn():
            turned.set()

    now = await rules.now()
    frozen = await rules.freeze(now - HOUR, now + DAY)
    periodic = Periodic(turn=turn, seconds=3600)
    running = asyncio.create_task(periodic.run())
    event: Any = expiring(rules.shop.app)
    try:
        await asyncio.sleep(0)
        await rules.thaw(frozen)
        await handlers.on_secret_expiring(
            event, message(event), pool=rules.shop.pool, wake=periodic.wake
        )
        async with asyncio.timeout(60):
            await turned.wait()
    finally:
        running.cancel()
    assert len(await rules.rotations()) == 1
