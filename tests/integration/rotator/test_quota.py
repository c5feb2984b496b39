"""Without a licence for rotation few rotations a month may be asked for; those under way finish."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from tests.support.database import Database
from tests.support.rotator import Tenant, tenant

SENTENCE = "The 3 rotations by hand of this month are used"


@pytest.fixture
async def shop(database: Database) -> AsyncIterator[Tenant]:
    async with tenant(database) as shop:
        yield shop


async def used(shop: Tenant, state: str = "completed", count: int = 3) -> UUID:
    """Return a credential that was rotated by hand so often this month."""
    credential_id = await shop.confirm()
    for _ in range(count):
        await shop.ask(credential_id)
        async with shop.estate.database.connection() as conn:
            await conn.execute(
                "UPDATE rotator.rotation SET state = $1, over = true WHERE NOT over", state
            )
    return credential_id


async def test_the_fourth_of_a_month_is_kept_as_abandoned_with_the_sentence(shop: Tenant) -> None:
    credential_id = await used(shop)
    shop.licence.withdraw()

    fourth = await shop.row("rotation", await shop.ask(credential_id))

    assert (fourth["state"], fourth["over"]) == ("abandoned", True)
    assert SENTENCE in fourth["reason"]


async def test_with_a_licence_for_rotation_any_number_is_begun(shop: Tenant) -> None:
    fourth = await shop.row("rotation", await shop.ask(await used(shop)))

    assert fourth["state"] == "requested"


@pytest.mark.parametrize("state", ["abandoned", "failed", "conflict", "rolled_back"])
async def test_what_replaced_nothing_is_not_counted(shop: Tenant, state: str) -> None:
    credential_id = await used(shop, state)
    async with shop.estate.database.connection() as conn:
        await conn.execute("UPDATE rotator.credential SET state = 'active'")
    shop.licence.withdraw()

    fourth = await shop.row("rotation", await shop.ask(credential_id))

    assert fourth["state"] == "requested"


async def test_an_emergency_is_never_refused_but_counts(shop: Tenant) -> None:
    credential_id = await used(shop, count=2)
    shop.licence.withdraw()

    third = await shop.row("rotation", await shop.ask(credential_id, emergency=True))
    assert third["state"] == "requested"
    async with shop.estate.database.connection() as conn:
        await conn.execute("UPDATE rotator.rotation SET state = 'completed', over = true")

    fourth = await shop.row("rotation", await shop.ask(credential_id))
    fifth = await shop.row("rotation", await shop.ask(credential_id, emergency=True))
    assert (fourth["state"], fifth["state"]) == ("abandoned", "requested")


async def test_last_months_are_not_counted_and_those_of_policies_never(shop: Tenant) -> None:
    credential_id = await used(shop)
    async with shop.estate.database.connection() as conn:
        await conn.execute(
            """
            WITH one AS (SELECT id FROM rotator.rotation LIMIT 1)
            UPDATE rotator.rotation AS r
               SET requested_at = CASE WHEN r.id = one.id THEN r.requested_at
                                  ELSE date_trunc('month', now(), 'UTC') - interval '1 second' END,
                   trigger_key = CASE WHEN r.id = one.id THEN 'policy:1' ELSE r.trigger_key END
              FROM one
            """
        )
    shop.licence.withdraw()

    assert (await shop.row("rotation", await shop.ask(credential_id)))["state"] == "requested"


async def test_two_who_ask_at_once_share_what_is_left(shop: Tenant) -> None:
    credential_id = await used(shop, count=2)
    async with shop.estate.database.connection() as conn:
        await conn.execute(
            "INSERT INTO rotator.credential SELECT gen_random_uuid(), driver, target, subject,"
            " key_id, state, lifetime, overlap FROM rotator.credential"
        )
    ids = [row["id"] for row in await shop.estate.rows("SELECT id FROM rotator.credential")]
    assert credential_id in ids
    shop.licence.withdraw()

    asked = await asyncio.gather(*map(shop.ask, ids))

    states = [(await shop.row("rotation", one))["state"] for one in asked]
    assert sorted(states) == ["abandoned", "requested"]
