"""Rotations over the API: asked for, followed, decided about, taken back while that is possible."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from services.gateway.domain.role import Role
from services.gateway.routes.rotation_answers import PlanAnswer, Rotation, RotationDetail
from shared.events import RotationChangeRequested, RotationPlanRequested, RotationRequested
from tests.support.database import Database
from tests.support.gateway import Gateway, running_gateway
from tests.support.rotations import (
    DOCUMENT,
    HASH,
    NAME,
    OTHER_SECRET,
    PAY,
    PLANS,
    ROTATIONS,
    SECRET,
    WEB,
    begun,
    confirmed,
    hear,
    move,
    published,
    seed_rotations,
)

EMERGENCY = {"emergency": True, "confirm": NAME, "reason": "it was in a public repository"}


@pytest.fixture(autouse=True)
async def _estate(database: Database) -> None:
    await seed_rotations(database)


@pytest.fixture
async def ada(gateway: Gateway) -> Any:
    async with await gateway.signed_in(Role.OPERATOR) as http:
        yield http


@pytest.fixture
async def eve(gateway: Gateway) -> Any:
    async with await gateway.signed_in(Role.APPROVER) as http:
        yield http


async def shown(http: httpx.AsyncClient, rotation: str) -> dict[str, Any]:
    answer = await http.get(f"{ROTATIONS}/{rotation}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    assert set(found) == set(RotationDetail.model_fields)
    RotationDetail.model_validate(found)
    return found


async def change(
    http: httpx.AsyncClient, rotation: str, how: str, **body: Any
) -> tuple[int, dict[str, Any]]:
    answer = await http.post(f"{ROTATIONS}/{rotation}/{how}", json=body)
    return answer.status_code, answer.json()


async def waiting(http: httpx.AsyncClient, database: Database) -> str:
    """Return a rotation whose plan waits for somebody's approval."""
    credential = await confirmed(http, database)
    rotation = await begun(http, database, credential, approval_required=True)
    await move(database, rotation, "awaiting_approval")
    return rotation


async def test_a_rotation_is_one_event_one_record_and_found_with_its_secrets_and_steps(
    gateway: Gateway, database: Database, ada: httpx.AsyncClient
) -> None:
    credential = await confirmed(ada, database, SECRET, PAY, WEB)
    answer = await ada.post(ROTATIONS, json={"credential_id": credential})
    before = await ada.get(answer.headers["location"])
    await hear(database)
    await move(database, answer.json()["id"], "scheduled")
    found = await shown(ada, answer.json()["id"])

    assert (answer.status_code, answer.json()["approval_required"]) == (202, False)
    assert before.status_code == 404
    [event] = await published(database, RotationRequested)
    assert (str(event.rotation_id), event.credential.item_id) == (found["id"], SECRET)
    assert event.requested_by == found["requested_by"]
    assert (found["state"], found["name"], found["container"]) == (
        "scheduled",
        NAME,
        "payments-api",
    )
    assert [place["name"] for place in found["places"]] == ["pay-db", "web-db"]
    assert [(step["previous_state"], step["state"]) for step in found["steps"]] == [
        ("requested", "scheduled")
    ]
    assert found["recourse"]["kind"] == "none"
    assert ("rotation:requested", found["requested_by"], found["id"], "done") in (
        await gateway.actions()
    )


async def test_rotations_are_listed_newest_first_by_state_credential_and_whether_they_ended(
    database: Database, ada: httpx.AsyncClient
) -> None:
    one = await confirmed(ada, database, SECRET, PAY)
    other = await confirmed(ada, database, OTHER_SECRET, WEB)
    first = await begun(ada, database, one)
    await move(database, first, "completed", over=True)
    second = await begun(ada, database, one)
    third = await begun(ada, database, other)

    async def listed(**params: Any) -> list[str]:
        answer = await ada.get(ROTATIONS, params=params)
        assert answer.status_code == 200, answer.text
        for row in answer.json()["data"]:
            assert set(row) == set(Rotation.model_fields)
            Rotation.model_validate(row)
        return [row["id"] for row in answer.json()["data"]]

    assert await listed() == [third, second, first]
    assert await listed(credential_id=one) == [second, first]
    assert await listed(over=True) == await listed(state="completed") == [first]
    assert await listed(state=["requested", "completed"]) == [third, second, first]
    page = (await ada.get(ROTATIONS, params={"limit": 2})).json()
    cursor = page["meta"]["next_cursor"]
    assert await listed(limit=2, cursor=cursor) == [first]
    assert (await ada.get(ROTATIONS, params={"cursor": cursor, "over": True})).status_code == 422
    assert (await ada.get(ROTATIONS, params={"state": "done"})).status_code == 422


async def test_what_cannot_begin_is_refused_at_once_with_a_sentence(
    database: Database, ada: httpx.AsyncClient
) -> None:
    credential = await confirmed(ada, database)
    rotation = await begun(ada, database, credential)
    rotating = await ada.post(ROTATIONS, json={"credential_id": credential})
    await move(database, rotation, "failed", over=True)
    async with database.connection("rotator") as conn:
        await conn.execute("UPDATE rotator.credential SET state = 'quarantined'")
    stopped = await ada.post(ROTATIONS, json={"credential_id": credential})
    unknown = await ada.post(ROTATIONS, json={"credential_id": str(uuid4())})

    assert (rotating.status_code, rotating.json()["code"]) == (409, "rotation-refused")
    assert "under way" in rotating.json()["detail"]
    assert stopped.status_code == 409
    assert "confirm again" in stopped.json()["detail"]
    assert unknown.status_code == 404
    assert len(await published(database, RotationRequested)) == 1


async def test_the_same_key_asks_once(database: Database, ada: httpx.AsyncClient) -> None:
    credential = await confirmed(ada, database)
    headers, body = {"idempotency-key": "k"}, {"credential_id": credential}
    answers = await asyncio.gather(
        *(ada.post(ROTATIONS, json=body, headers=headers) for _ in range(3))
    )
    await hear(database)
    late = await ada.post(ROTATIONS, json=body, headers=headers)
    other = await ada.post(ROTATIONS, json={**body, "reason": "x"}, headers=headers)

    assert len({answer.json()["id"] for answer in [*answers, late]}) == 1
    assert (late.status_code, other.status_code) == (202, 422)
    assert len(await published(database, RotationRequested)) == 1


async def test_an_emergency_needs_a_reason_the_name_and_a_password_given_just_now(
    gateway: Gateway, database: Database, ada: httpx.AsyncClient
) -> None:
    credential = await confirmed(ada, database)

    async def ask(**body: Any) -> httpx.Response:
        return await ada.post(ROTATIONS, json={"credential_id": credential, **EMERGENCY, **body})

    unsure = [await ask(reason=""), await ask(confirm=""), await ask(confirm="deploy 2025")]
    gateway.clock.forward(minutes=6)
    stale = await ask()
    gateway.clock.forward(minutes=-6)
    done = await ask()

    assert [answer.status_code for answer in unsure] == [422, 422, 422]
    assert unsure[2].json()["errors"][0]["pointer"] == "/body/confirm"
    assert (stale.status_code, stale.json()["code"]) == (403, "confirm-first")
    assert done.status_code == 202
    [event] = await published(database, RotationRequested)
    assert event.emergency
    row = await gateway.pool.fetchrow(
        "SELECT scope, reason FROM audit.entry WHERE action = 'rotation:requested'"
    )
    assert tuple(row or ()) == ("emergency", EMERGENCY["reason"])


@pytest.mark.parametrize("body", [{}, EMERGENCY])
async def test_where_the_setting_says_so_every_rotation_waits_for_somebody_else(
    database: Database, tmp_path: Path, body: dict[str, Any]
) -> None:
    async with (
        running_gateway(database, tmp_path, approval_required="rotations") as strict,
        await strict.signed_in(Role.OPERATOR) as http,
    ):
        credential = await confirmed(http, database)
        answer = await http.post(ROTATIONS, json={"credential_id": credential, **body})

    assert answer.json()["approval_required"] is True
    assert [event.approval_required for event in await published(database, RotationRequested)] == [
        True
    ]


async def test_a_plan_is_asked_for_made_and_read(
    gateway: Gateway, database: Database, ada: httpx.AsyncClient
) -> None:
    credential = await confirmed(ada, database)
    asked = await ada.post(PLANS, json={"credential_id": credential, "emergency": True})
    before = await ada.get(asked.headers["location"])
    await hear(database)
    plan = (await ada.get(asked.headers["location"])).json()
    unknown = await ada.post(PLANS, json={"credential_id": str(uuid4())})

    assert (asked.status_code, before.status_code, unknown.status_code) == (202, 404, 404)
    assert set(plan) == set(PlanAnswer.model_fields)
    assert (plan["plan_hash"], plan["document"], plan["failure"]) == (HASH, DOCUMENT, None)
    [event] = await published(database, RotationPlanRequested)
    assert event.emergency
    assert (await gateway.actions())[-1][0::2] == ("rotation:plan-requested", asked.json()["id"])


async def test_an_approver_reads_the_plan_and_approves_it(
    gateway: Gateway, database: Database, ada: httpx.AsyncClient, eve: httpx.AsyncClient
) -> None:
    rotation = await waiting(ada, database)
    read = await shown(eve, rotation)
    answers = [
        await change(eve, rotation, "approve", plan_hash=read["plan_hash"], reason="read it")
        for _ in range(2)
    ]
    await hear(database)
    after = await shown(eve, rotation)

    assert (read["plan"], read["plan_hash"]) == (DOCUMENT, HASH)
    assert answers == [(202, {"id": rotation, "change": "approve"})] * 2
    assert after["state"] == "scheduled"
    assert after["approved_by"] not in (None, after["requested_by"])
    [event] = await published(database, RotationChangeRequested)
    assert (event.plan_hash, event.reason) == (HASH, "read it")
    row = await gateway.pool.fetchrow(
        "SELECT scope, after, reason FROM audit.entry WHERE action = 'rotation:change-requested'"
    )
    assert tuple(row or ()) == ("approve", HASH, "read it")


async def test_nobody_approves_their_own_rotation_or_another_plan_or_an_old_one(
    gateway: Gateway, database: Database, eve: httpx.AsyncClient
) -> None:
    async with await gateway.signed_in(Role.ADMIN) as root:
        rotation = await waiting(root, database)
        own = await change(root, rotation, "approve", plan_hash=HASH)
        own_rejection = await change(root, rotation, "reject")
    other = await change(eve, rotation, "approve", plan_hash="cd" * 32)
    gateway.clock.forward(minutes=6)
    stale = await change(eve, rotation, "approve", plan_hash=HASH)
    gateway.clock.forward(minutes=-6)
    async with database.connection("rotator") as conn:
        await conn.execute("UPDATE rotator.rotation SET changed_at = now() - interval '25 hours'")
    old = await change(eve, rotation, "approve", plan_hash=HASH)
    await move(database, rotation, "scheduled")
    late = await change(eve, rotation, "approve", plan_hash=HASH)

    assert (own[0], own[1]["code"]) == (409, "approval-refused")
    assert "Somebody else approves" in own[1]["detail"]
    assert own_rejection[0] == 409
    assert (other[0], "not the plan" in other[1]["detail"]) == (409, True)
    assert (stale[0], stale[1]["code"]) == (403, "confirm-first")
    assert (old[0], "24 hours" in old[1]["detail"]) == (409, True)
    assert (late[0], "nobody's approval" in late[1]["detail"]) == (409, True)
    assert await published(database, RotationChangeRequested) == []


async def test_a_rotation_is_rejected_by_others_and_withdrawn_by_whoever_asked(
    gateway: Gateway, database: Database, ada: httpx.AsyncClient, eve: httpx.AsyncClient
) -> None:
    rotation = await waiting(ada, database)
    async with await gateway.signed_in(Role.OPERATOR) as other:
        foreign = await change(other, rotation, "withdraw")
    rejected = await change(eve, rotation, "reject", reason="not on a Friday")
    withdrawn = await change(ada, rotation, "withdraw")
    await move(database, rotation, "creating")
    too_late = await change(ada, rotation, "withdraw")

    assert (foreign[0], "Only whoever asked" in foreign[1]["detail"]) == (409, True)
    assert (rejected[0], withdrawn[0], too_late[0]) == (202, 202, 409)
    assert "roll-back" in too_late[1]["detail"]
    assert [event.change for event in await published(database, RotationChangeRequested)] == [
        "reject",
        "withdraw",
    ]


async def test_the_old_credential_can_be_had_back_until_it_is_being_removed(
    database: Database, ada: httpx.AsyncClient
) -> None:
    rotation = await begun(ada, database, await confirmed(ada, database))
    early = await change(ada, rotation, "roll-back")
    await move(database, rotation, "overlap")
    before = await shown(ada, rotation)
    back = await change(ada, rotation, "roll-back", reason="an old client was found")
    await move(database, rotation, "retiring")
    after = await shown(ada, rotation)
    late = await change(ada, rotation, "roll-back")

    assert early[0] == 409
    assert (before["recourse"]["kind"], back[0]) == ("rollback", 202)
    assert after["recourse"]["kind"] == "roll_forward"
    assert "emergency rotation" in after["recourse"]["sentence"]
    assert (late[0], late[1]["detail"]) == (409, after["recourse"]["sentence"])
    [event] = await published(database, RotationChangeRequested)
    assert (event.change, event.reason) == ("roll_back", "an old client was found")


async def test_changes_of_what_is_not_there_are_not_found(
    ada: httpx.AsyncClient, eve: httpx.AsyncClient
) -> None:
    for http, how, body in (
        (eve, "approve", {"plan_hash": HASH}),
        (eve, "reject", {}),
        (ada, "withdraw", {}),
        (ada, "roll-back", {}),
    ):
        assert (await change(http, str(uuid4()), how, **body))[0] == 404


async def test_who_only_reads_sets_nothing_in_motion(
    gateway: Gateway, database: Database, ada: httpx.AsyncClient, eve: httpx.AsyncClient
) -> None:
    credential = await confirmed(ada, database)
    rotation = await begun(ada, database, credential)
    async with await gateway.signed_in(Role.VIEWER) as viewer:
        for path in (ROTATIONS, PLANS):
            answer = await viewer.post(path, json={"credential_id": credential})
            assert answer.status_code == 403
        assert (await shown(viewer, rotation))["id"] == rotation
    assert (await eve.post(ROTATIONS, json={"credential_id": credential})).status_code == 403
    assert (await change(ada, rotation, "approve", plan_hash=HASH))[0] == 403
