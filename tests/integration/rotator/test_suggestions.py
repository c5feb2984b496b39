"""Suggestions are what the inventory says now: found, replaced, marked, and few enough."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.rotator import handlers
from services.rotator.domain.suggesting import Suggested
from services.rotator.steps.suggest import Suggester
from services.rotator.store import suggestions
from shared.events import RotationSuggestionsRequested
from tests.support.database import Database
from tests.support.rotator import APP_ID, KEY_ID, Tenant, message, tenant


@pytest.fixture
async def shop(database: Database) -> AsyncIterator[Tenant]:
    async with tenant(database) as shop:
        yield shop


async def tag(shop: Tenant, number: int, tags: dict[str, str]) -> None:
    async with shop.estate.database.connection() as conn:
        await conn.execute(
            "UPDATE scanner.item SET tags = $2 WHERE id = $1", shop.secrets[number].item_id, tags
        )


async def shown(shop: Tenant) -> list[dict[str, Any]]:
    await Suggester(pool=shop.pool).turn()
    return await shop.estate.rows(
        "SELECT * FROM rotator.v_suggestion ORDER BY score DESC, place_item_id"
    )


async def test_a_likely_secret_is_suggested_with_what_speaks_for_it(shop: Tenant) -> None:
    await tag(shop, 1, {"cc-app-id": APP_ID, "cc-key-id": KEY_ID})

    found = (await shown(shop))[0]

    assert (found["item_id"], found["place_item_id"]) == (
        shop.app.item_id,
        shop.secrets[1].item_id,
    )
    assert found["band"] == "high"
    assert "a rotation of ours tagged it" in found["sentence"]
    assert {"evidence": "own_tags", "weight": 0.99} in found["signals"]
    assert not found["confirmed"]
    assert "Nobody confirmed yet" in found["refusal"]


async def test_what_is_no_longer_likely_goes_with_the_next_look(shop: Tenant) -> None:
    await tag(shop, 0, {"app": APP_ID})
    before = {row["place_item_id"] for row in await shown(shop)}

    await shop.estate.delete(shop.secrets[0])
    after = {row["place_item_id"] for row in await shown(shop)}

    assert before - after == {shop.secrets[0].item_id}


async def test_what_was_confirmed_is_marked(shop: Tenant) -> None:
    await shop.confirm(shop.secrets[0])

    marks = {row["place_item_id"]: row["confirmed"] for row in await shown(shop)}

    assert marks[shop.secrets[0].item_id]
    assert not marks.get(shop.secrets[1].item_id, False)


async def test_the_secret_behind_a_certificate_is_not_suggested(shop: Tenant) -> None:
    await tag(shop, 0, {"app": APP_ID})
    async with shop.estate.database.connection() as conn:
        await conn.execute(
            "UPDATE scanner.item SET managed = true WHERE id = $1", shop.secrets[0].item_id
        )

    assert shop.secrets[0].item_id not in {row["place_item_id"] for row in await shown(shop)}


async def test_a_slow_replica_does_not_overwrite_what_was_found_later(shop: Tenant) -> None:
    async with shop.pool.acquire() as conn:
        slow = await suggestions.read(conn)
    await tag(shop, 0, {"app": APP_ID})
    latest = await shown(shop)

    async with shop.pool.transaction() as conn:
        stored = await suggestions.replace(conn, slow, Suggested(matches=(), left_out=0))

    assert not stored
    assert await shop.estate.rows("SELECT count(*) FROM rotator.suggestion") == [
        {"count": len(latest)}
    ]


async def test_ten_thousand_items_are_looked_at_in_one_turn(shop: Tenant) -> None:
    """2,000 applications' secrets and 8,000 secrets in vaults, of which 1,000 are tagged."""
    async with shop.estate.database.connection() as conn:
        await conn.execute(
            """
            WITH apps AS (
                INSERT INTO scanner.application (vault_id, kind, object_id, app_id, name)
                SELECT v.id, 'application', 'object-' || n, 'client-' || n, 'app ' || md5(n::text)
                  FROM generate_series(1, 2000) AS n, scanner.vault AS v
                RETURNING id, object_id, app_id, name, vault_id
            ), items AS (
                INSERT INTO scanner.item (vault_id, kind, external_id, name, enabled, managed,
                       application_object_id, application_id, application_name)
                SELECT a.vault_id, 'app_secret', a.object_id, 'deploy', true, false, a.object_id,
                       a.app_id, a.name
                  FROM apps AS a
                RETURNING id, application_object_id
            )
            INSERT INTO scanner.credential (item_id, application_id, key_id)
            SELECT i.id, a.id, 'key of ' || a.object_id
              FROM items AS i JOIN apps AS a ON a.object_id = i.application_object_id
            """
        )
        await conn.execute(
            """
            INSERT INTO scanner.item (vault_id, subscription_id, kind, external_id, name, enabled,
                   managed, tags)
            SELECT v.id, 's-1', 'secret', 's-' || n, 'db-' || md5('s' || n), true, false,
                   CASE WHEN n <= 1000 THEN jsonb_build_object('app', 'client-' || n)
                   ELSE '{}' END
              FROM generate_series(1, 8000) AS n, scanner.vault AS v
            """
        )

    found = await shown(shop)

    assert sum(row["score"] >= 0.9 for row in found) == 1000
    assert await shop.estate.rows("SELECT credentials, secrets FROM rotator.v_suggestion_look") == [
        {"credentials": 2001, "secrets": 8002}
    ]


async def test_whoever_asks_for_a_new_look_wakes_it_once(shop: Tenant) -> None:
    event = RotationSuggestionsRequested(requested_by="ada")
    woken: list[int] = []

    await handlers.on_news(event, message(event), pool=shop.pool, wake=lambda: woken.append(1))

    assert woken == [1]
