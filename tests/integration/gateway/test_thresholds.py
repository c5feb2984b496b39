"""Asking for thresholds: one event and one audit entry, or a sentence that says why not."""

from typing import Any

import orjson
import pytest

from services.gateway.domain.role import Role
from services.gateway.routes.thresholds import Threshold
from shared.events import ThresholdChangeRequested
from tests.support.database import Database
from tests.support.gateway import Gateway, SeedItem, seed_estate

THRESHOLDS = "/api/v1/thresholds"
RULE = {"scope": "vault", "name": "1", "warning_days": 60, "critical_days": 14}


async def published(database: Database) -> list[ThresholdChangeRequested]:
    async with database.connection() as conn:
        rows = await conn.fetch(
            "SELECT body FROM bus.message WHERE type = $1 ORDER BY created_at",
            ThresholdChangeRequested.type,
        )
    return [ThresholdChangeRequested.model_validate(orjson.loads(row["body"])) for row in rows]


@pytest.fixture(autouse=True)
async def _estate(database: Database) -> None:
    await seed_estate(database, [SeedItem(name="a")])


async def test_a_rule_is_asked_for_and_taken_back(gateway: Gateway, database: Database) -> None:
    async with await gateway.signed_in(Role.ADMIN) as http:
        put = await http.put(THRESHOLDS, json=RULE)
        taken = await http.delete(THRESHOLDS, params={"scope": "vault", "name": "1"})

    assert (put.status_code, taken.status_code) == (202, 202)
    assert put.json() == {"scope": "vault", "name": "1"}
    asked, back = await published(database)
    assert (asked.name, asked.warning_days, asked.critical_days) == ("1", 60, 14)
    assert (back.name, back.warning_days, back.warning_percent) == ("1", None, None)
    assert [action for action, *_ in await gateway.actions()][-2:] == ["threshold:requested"] * 2


async def test_rules_are_listed_the_widest_scope_first(
    gateway: Gateway, database: Database
) -> None:
    async with database.connection() as conn:
        await conn.execute(
            """
            INSERT INTO scanner.threshold (scope, name, warning_days, critical_days,
                   warning_percent, critical_percent, requested_by, asked_at, message_id)
            VALUES ('item', '1', 20, 5, NULL, NULL, 'ada', now(), gen_random_uuid()),
                   ('tag', 'env=prod', NULL, NULL, 50, 25, 'ada', now(), gen_random_uuid()),
                   ('vault', '1', NULL, NULL, NULL, NULL, 'ada', now(), gen_random_uuid()),
                   ('global', '', 60, 10, NULL, NULL, 'ada', now(), gen_random_uuid())
            """
        )
    async with await gateway.signed_in(Role.VIEWER) as http:
        listed = await http.get(THRESHOLDS)

    rules = [Threshold.model_validate(row) for row in listed.json()["data"]]
    assert [rule.scope for rule in rules] == ["global", "tag", "item"]
    assert all(rule.applied for rule in rules)


@pytest.mark.parametrize(
    ("changed", "status", "told"),
    [
        ({"critical_days": 60}, 422, "greater than critical_days"),
        ({"critical_days": None}, 422, "together"),
        ({"warning_days": 91}, 422, "at most 90 and 30"),
        ({"warning_percent": 5, "critical_percent": 50}, 422, "between 1 and 99"),
        ({"warning_days": None, "critical_days": None}, 422, "delete it"),
        ({"name": "kv-pay"}, 422, "by its id, a number"),
        ({"name": "9" * 40}, 422, "by its id, a number"),
        ({"name": "99"}, 404, "no such vault"),
        ({"scope": "item", "name": "99"}, 404, "no such item"),
        ({"scope": "subscription", "name": "sub-z"}, 404, "no such subscription"),
        ({"scope": "global"}, 422, "has no name"),
        ({"scope": "tag", "name": "env"}, 422, "key=text"),
        ({"scope": "planet"}, 422, ""),
        ({"more": 1}, 422, ""),
    ],
)
async def test_what_makes_no_rule_is_refused_and_nothing_is_asked(
    gateway: Gateway, database: Database, changed: dict[str, Any], status: int, told: str
) -> None:
    async with await gateway.signed_in(Role.ADMIN) as http:
        refused = await http.put(THRESHOLDS, json={**RULE, **changed})

    assert refused.status_code == status, refused.text
    assert told in refused.json()["detail"]
    assert await published(database) == []


async def test_only_an_administrator_changes_thresholds(
    gateway: Gateway, database: Database
) -> None:
    async with await gateway.signed_in(Role.OPERATOR) as http:
        assert (await http.put(THRESHOLDS, json=RULE)).status_code == 403
    assert await published(database) == []


async def test_a_name_that_no_scope_can_have_is_refused_when_it_is_taken_back(
    gateway: Gateway, database: Database
) -> None:
    async with await gateway.signed_in(Role.ADMIN) as http:
        refused = await http.delete(THRESHOLDS, params={"scope": "item", "name": "x"})

    assert refused.status_code == 422
    assert await published(database) == []
