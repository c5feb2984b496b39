"""Policies, freezes and suggestions: asked for once, refused at once, shown as they are."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from services.gateway.domain.role import Role
from services.gateway.domain.scope import Scope
from services.gateway.routes.policy_answers import Freeze, Policy, Suggestion
from services.gateway.routes.rotation_answers import RotationCredential
from services.rotator.steps.scheduler import Scheduler
from services.rotator.steps.suggest import Suggester
from shared.clock import utc_now
from shared.events import (
    RotationFreezeChangeRequested,
    RotationPolicyChangeRequested,
    RotationSuggestionsRequested,
)
from shared.features import EvaluationFeatures
from tests.support.database import Database
from tests.support.gateway import Gateway, running_gateway
from tests.support.rotations import (
    CREDENTIALS,
    DIRECTORY,
    PAY,
    SECRET,
    WEB,
    confirmed,
    hear,
    published,
    seed_rotations,
)
from tests.support.saga.ledgers import Noted

POLICIES = "/api/v1/rotation-policies"
FREEZES = "/api/v1/rotation-freezes"
SUGGESTIONS = "/api/v1/rotation-suggestions"
WANTED = {
    "name": "passwords",
    "selector": "kind:app_secret",
    "rotate_before_days": 20,
    "windows": [{"opens": "0 2 * * 6", "time_zone": "Europe/Berlin", "lasts_minutes": 240}],
}


@pytest.fixture(autouse=True)
async def _estate(database: Database) -> None:
    await seed_rotations(database)


@pytest.fixture
async def root(gateway: Gateway) -> Any:
    async with await gateway.signed_in(Role.ADMIN) as http:
        yield http


async def listed(http: httpx.AsyncClient, where: str, model: Any) -> list[dict[str, Any]]:
    answer = await http.get(where)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["data"]
    for row in found:
        assert set(row) == set(model.model_fields)
        model.model_validate(row)
    return found


async def test_a_policy_is_set_shown_changed_and_removed(
    gateway: Gateway, database: Database, root: httpx.AsyncClient
) -> None:
    policy_id = str(uuid4())
    where = f"{POLICIES}/{policy_id}"
    asked = await root.put(where, json=WANTED)
    await hear(database)
    [found] = await listed(root, POLICIES, Policy)
    await root.put(where, json={**WANTED, "enabled": False, "rotate_before_days": None})
    await hear(database)
    changed = (await root.get(where)).json()
    removed = await root.delete(where)
    await hear(database)

    assert (asked.status_code, asked.json()) == (202, {"id": policy_id})
    assert asked.headers["location"] == where
    assert {name: found[name] for name in WANTED} == WANTED
    assert (found["priority"], found["lifetime_days"], found["credentials"]) == (100, 90, 0)
    assert (changed["enabled"], changed["rotate_before_days"]) == (False, None)
    assert removed.status_code == 202
    assert (await root.get(where)).status_code == 404
    asks = await published(database, RotationPolicyChangeRequested)
    assert [event.removed for event in asks] == [False, False, True]
    acts = [one for one in await gateway.actions() if one[0].startswith("rotation-policy:change-")]
    assert [one[2] for one in acts] == [policy_id] * 3


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": " "}, "name"),
        ({"selector": "colour:red"}, "selector"),
        ({"overlap_seconds": 60}, "overlap_seconds"),
        ({"rotate_before_days": 80}, "rotate_before_days"),
        ({"windows": [{"opens": "daily", "lasts_minutes": 60}]}, "windows/0/opens"),
        ({"windows": [{"opens": "0 2 * * *", "lasts_minutes": 5}]}, "windows/0/lasts_minutes"),
    ],
)
async def test_a_policy_that_cannot_be_meant_is_refused_with_the_field(
    database: Database, root: httpx.AsyncClient, body: dict[str, Any], field: str
) -> None:
    answer = await root.put(f"{POLICIES}/{uuid4()}", json=WANTED | body)

    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [f"/body/{field}"]
    assert await published(database, RotationPolicyChangeRequested) == []


async def test_a_name_that_another_policy_has_is_refused(
    database: Database, root: httpx.AsyncClient
) -> None:
    await root.put(f"{POLICIES}/{uuid4()}", json=WANTED)
    await hear(database)

    answer = await root.put(f"{POLICIES}/{uuid4()}", json=WANTED | {"name": "Passwords"})

    assert (answer.status_code, "another name" in answer.text or "choose" in answer.text) == (
        422,
        True,
    )


async def test_what_is_not_there_is_not_removed(root: httpx.AsyncClient) -> None:
    assert (await root.delete(f"{POLICIES}/{uuid4()}")).status_code == 404
    assert (await root.delete(f"{FREEZES}/{uuid4()}")).status_code == 404


async def test_a_freeze_is_added_once_shown_and_taken_back(
    gateway: Gateway, database: Database, root: httpx.AsyncClient
) -> None:
    now = utc_now()
    body = {
        "starts_at": now.isoformat(),
        "ends_at": (now + timedelta(days=9)).isoformat(),
        "reason": "The year's end.",
    }
    key = {"Idempotency-Key": "freeze-1"}
    first = await root.post(FREEZES, json=body, headers=key)
    again = await root.post(FREEZES, json=body, headers=key)
    await hear(database)
    [found] = await listed(root, FREEZES, Freeze)
    await root.delete(f"{FREEZES}/{found['id']}")
    await hear(database)

    assert first.json() == again.json() == {"id": found["id"]}
    assert found["reason"] == "The year's end."
    assert await listed(root, FREEZES, Freeze) == []
    assert len(await published(database, RotationFreezeChangeRequested)) == 2
    acts = [one for one in await gateway.actions() if one[0] == "rotation-freeze:change-requested"]
    assert len(acts) == 2


async def test_a_freeze_that_is_over_is_refused(root: httpx.AsyncClient) -> None:
    body = {"starts_at": "2020-01-01T00:00:00Z", "ends_at": "2020-01-02T00:00:00Z", "reason": "x"}

    answer = await root.post(FREEZES, json=body)

    assert (answer.status_code, "over already" in answer.text) == (422, True)


async def test_a_credential_shows_its_policy_and_what_comes_next(
    database: Database, root: httpx.AsyncClient
) -> None:
    await confirmed(root, database, SECRET, PAY)
    [before] = await listed(root, CREDENTIALS, RotationCredential)
    await root.put(f"{POLICIES}/{uuid4()}", json={**WANTED, "windows": []})
    await hear(database)
    async with database.connection() as conn:
        await conn.execute(
            "UPDATE scanner.item SET expires_on = e, warning_at = e, critical_at = e"
            " FROM (SELECT now() + interval '60 days') AS ends (e) WHERE id = $1",
            SECRET,
        )
    async with database.pool("rotator") as pool:
        scheduler = Scheduler(
            pool=pool, outbox=Noted(), features=EvaluationFeatures(), notice=timedelta()
        )
        await scheduler.turn()

    [found] = await listed(root, CREDENTIALS, RotationCredential)
    [policy] = await listed(root, POLICIES, Policy)

    assert (before["policy_name"], before["policy_reason"]) == (None, None)
    assert (found["policy_name"], found["timeliness"]) == ("passwords", "in_time")
    assert found["next_rotation_at"] < found["ends_at"]
    assert policy["credentials"] == 1


async def suggest(database: Database) -> None:
    """Let the rotator look: both secrets carry the application's id as a tag."""
    async with database.connection() as conn:
        await conn.execute(
            'UPDATE scanner.item SET tags = \'{"app": "client-1"}\' WHERE id = ANY ($1)',
            [PAY, WEB],
        )
    async with database.pool("rotator") as pool:
        await Suggester(pool=pool).turn()


async def test_suggestions_are_shown_page_by_page_the_likeliest_first(
    database: Database, root: httpx.AsyncClient
) -> None:
    await suggest(database)
    everything = await listed(root, SUGGESTIONS, Suggestion)
    pages, cursor = [], ""
    while cursor is not None:
        params = {"limit": "1"} | ({"cursor": cursor} if cursor else {})
        page = (await root.get(SUGGESTIONS, params=params)).json()
        pages += page["data"]
        cursor = page["meta"]["next_cursor"]

    assert pages == everything
    assert [one["score"] for one in pages] == sorted((one["score"] for one in pages), reverse=True)
    assert {one["place_name"] for one in pages} == {"pay-db", "web-db"}
    assert page["look"]["credentials"] == 2


async def test_suggestions_are_narrowed_and_a_damaged_cursor_is_refused(
    database: Database, root: httpx.AsyncClient
) -> None:
    await confirmed(root, database, SECRET, PAY)
    await suggest(database)

    sure = (await root.get(SUGGESTIONS, params={"confirmed": "true"})).json()["data"]
    low = (await root.get(SUGGESTIONS, params={"band": ["low", "medium"]})).json()["data"]
    broken = await root.get(SUGGESTIONS, params={"cursor": "broken"})

    assert [(one["item_id"], one["place_item_id"]) for one in sure] == [(SECRET, PAY)]
    assert {one["band"] for one in low} <= {"low", "medium"}
    assert broken.status_code == 422


@pytest.mark.parametrize(
    ("vaults", "seen"), [({1}, set()), ({1, DIRECTORY}, {PAY}), ({2, DIRECTORY}, {WEB})]
)
async def test_somebody_with_a_scope_sees_suggestions_with_both_ends_in_it(
    database: Database, tmp_path: Path, vaults: set[int], seen: set[int]
) -> None:
    await suggest(database)
    scope = Scope(vault_ids=frozenset(vaults))
    async with (
        running_gateway(database, tmp_path, scope_of=lambda _: scope) as gateway,
        await gateway.signed_in(Role.OPERATOR) as http,
    ):
        answer = (await http.get(SUGGESTIONS)).json()
        refused = await http.get(POLICIES)

    assert {one["place_item_id"] for one in answer["data"]} == seen
    assert answer["look"] is None
    assert refused.status_code == 403


async def test_a_new_look_is_asked_for_and_on_record(
    gateway: Gateway, database: Database, root: httpx.AsyncClient
) -> None:
    answer = await root.post(SUGGESTIONS)

    assert answer.status_code == 202
    [event] = await published(database, RotationSuggestionsRequested)
    assert event.requested_by == answer.json()["requested_by"]
    assert "rotation-suggestions:requested" in {one[0] for one in await gateway.actions()}


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR, Role.APPROVER])
async def test_only_administrators_decide_what_is_rotated_by_itself(
    gateway: Gateway, role: Role
) -> None:
    async with await gateway.signed_in(role) as http:
        put = await http.put(f"{POLICIES}/{uuid4()}", json=WANTED)
        frozen = await http.post(FREEZES, json={})
        assert (put.status_code, frozen.status_code) == (403, 403)
        assert (await http.get(POLICIES)).status_code == 200
