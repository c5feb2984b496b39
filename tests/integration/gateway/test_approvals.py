"""Requests that need a second person, with the purge of dead letters as what is asked for."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from services.gateway.domain.role import Role
from services.gateway.settings import Settings
from services.gateway.steps.housekeeping import tidy
from shared.bus.ops import PostgresOperator
from shared.errors import SettingsError
from shared.settings import load_settings
from tests.integration.gateway.test_queues import PATH, QUEUE, bury
from tests.support.database import Database
from tests.support.gateway import PASSWORD, Gateway, running_gateway

APPROVALS = "/api/v1/approvals"


@pytest.fixture
async def strict(database: Database, tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway where the purge of dead letters needs a second person."""
    async with running_gateway(
        database, tmp_path, approval_required="purge-dead-letters"
    ) as gateway:
        yield gateway


async def asked(http: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    answer = await http.post(f"{PATH}/purge-requests", json=body or {"all": True})
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"{APPROVALS}/{answer.json()['id']}"
    found: dict[str, Any] = answer.json()
    return found


async def decide(
    http: httpx.AsyncClient, request: dict[str, Any], how: str = "approve", **more: str
) -> httpx.Response:
    body = {"plan_hash": request["plan_hash"], **more}
    return await http.post(f"{APPROVALS}/{request['id']}/{how}", json=body)


async def purge(
    http: httpx.AsyncClient, request: dict[str, Any] | None, **more: str
) -> httpx.Response:
    body = {"all": True} | ({"approval": request["id"]} if request else {})
    return await http.post(f"{PATH}/purge", json=body, headers=more)


async def left(database: Database) -> int:
    async with database.connection() as admin:
        found: int = await admin.fetchval("SELECT count(*) FROM bus.dead_letter")
    return found


async def test_nothing_is_deleted_until_somebody_else_approved_it(
    strict: Gateway, database: Database
) -> None:
    await bury(database, b"{}")
    await bury(database, b"{}")
    async with (
        await strict.signed_in(Role.ADMIN) as ada,
        await strict.signed_in(Role.APPROVER) as eve,
    ):
        at_once = await purge(ada, None)
        request = await asked(ada, all=True, reason="they are of a service that is gone")
        too_early = await purge(ada, request)
        own = await decide(ada, request)
        inbox = (await eve.get(APPROVALS, params={"state": "pending"})).json()["data"]
        approved = await decide(eve, request)
        done = await purge(ada, request)
        again = await purge(ada, request)
        after = (await eve.get(f"{APPROVALS}/{request['id']}")).json()

    assert (at_once.status_code, at_once.json()["code"]) == (403, "approval-needed")
    assert f"{PATH}/purge-requests" in at_once.json()["detail"]
    assert (too_early.status_code, own.status_code) == (409, 409)
    assert [(one["id"], one["state"]) for one in inbox] == [(request["id"], "pending")]
    assert len(inbox[0]["plan"]["ids"]) == 2
    assert approved.json()["state"] == "approved"
    assert (done.status_code, done.json()) == (200, {"count": 2})
    assert again.status_code == 404
    assert (after["state"], after["reason"]) == ("used", "they are of a service that is gone")
    assert await left(database) == 0


async def test_what_came_after_the_request_is_not_deleted_with_it(
    strict: Gateway, database: Database
) -> None:
    await bury(database, b"{}")
    async with (
        await strict.signed_in(Role.ADMIN) as ada,
        await strict.signed_in(Role.APPROVER) as eve,
    ):
        request = await asked(ada)
        await decide(eve, request)
        await bury(database, b"{}")
        answer = await purge(ada, request)

    assert (answer.status_code, answer.json()["code"]) == (409, "approval-refused")
    assert "ask again" in answer.json()["detail"]
    assert await left(database) == 2


async def test_approving_asks_for_a_password_given_just_now_and_rejecting_does_not(
    strict: Gateway, database: Database
) -> None:
    await bury(database, b"{}")
    async with (
        await strict.signed_in(Role.ADMIN) as ada,
        await strict.signed_in(Role.APPROVER) as eve,
    ):
        first, second = await asked(ada), await asked(ada, all=True, reason="again")
        strict.clock.forward(minutes=6)
        stale = await decide(eve, first)
        rejected = await decide(eve, second, "reject", reason="not before the audit")
        await eve.post("/api/v1/auth/confirm", json={"password": PASSWORD})
        fresh = await decide(eve, first)

    assert (stale.status_code, stale.json()["code"]) == (403, "confirm-first")
    assert rejected.json()["decision_reason"] == "not before the audit"
    assert fresh.json()["state"] == "approved"


async def test_a_request_ends_after_a_day_and_is_forgotten_after_four_hundred(
    strict: Gateway, database: Database
) -> None:
    await bury(database, b"{}")
    async with await strict.signed_in(Role.ADMIN) as ada:
        request = await asked(ada)
    strict.clock.forward(hours=24)
    async with (
        await strict.signed_in(Role.ADMIN) as ada,
        await strict.signed_in(Role.APPROVER) as eve,
    ):
        late = await decide(eve, request)
        shown = (await eve.get(f"{APPROVALS}/{request['id']}")).json()
        inbox = (await eve.get(APPROVALS, params={"state": "pending"})).json()["data"]
    strict.clock.forward(days=401)
    await tidy(strict.pool, strict.clock)

    assert late.status_code == 409
    assert (shown["state"], inbox) == ("expired", [])
    assert await strict.pool.fetchval("SELECT count(*) FROM gateway.approval") == 0


async def test_only_whoever_asked_takes_a_request_back(strict: Gateway, database: Database) -> None:
    await bury(database, b"{}")
    async with (
        await strict.signed_in(Role.ADMIN) as ada,
        await strict.signed_in(Role.ADMIN) as eve,
    ):
        request = await asked(ada)
        path = f"{APPROVALS}/{request['id']}/withdraw"
        others = await eve.post(path, json={})
        own = await ada.post(path, json={"reason": "a mistake"})
        late = await decide(eve, request)

    assert (others.status_code, own.json()["state"], late.status_code) == (409, "withdrawn", 409)


async def test_two_who_decide_or_use_it_at_once_are_one(
    strict: Gateway, database: Database
) -> None:
    await bury(database, b"{}")
    async with (
        await strict.signed_in(Role.ADMIN) as ada,
        await strict.signed_in(Role.APPROVER) as eve,
        await strict.signed_in(Role.APPROVER) as grace,
    ):
        request = await asked(ada)
        decided = await asyncio.gather(
            decide(eve, request), decide(grace, request, "reject"), decide(eve, request)
        )
        other = await asked(ada)
        await decide(eve, other)
        used = await asyncio.gather(*(purge(ada, other) for _ in range(3)))

    assert sorted(answer.status_code for answer in decided) == [200, 409, 409]
    assert min(answer.status_code for answer in used) == 200
    spent = await strict.pool.fetchval(
        "SELECT count(*) FROM audit.entry WHERE action = 'approval:used'"
    )
    assert spent == 1


async def test_the_same_key_asks_and_deletes_once(strict: Gateway, database: Database) -> None:
    await bury(database, b"{}")
    async with (
        await strict.signed_in(Role.ADMIN) as ada,
        await strict.signed_in(Role.APPROVER) as eve,
    ):
        key = {"idempotency-key": "k1"}
        first = await ada.post(f"{PATH}/purge-requests", json={"all": True}, headers=key)
        second = await ada.post(f"{PATH}/purge-requests", json={"all": True}, headers=key)
        await decide(eve, first.json())
        done = [await purge(ada, first.json(), **{"idempotency-key": "k2"}) for _ in range(2)]
        await bury(database, b"{}")
        other = await ada.post(f"{PATH}/replay", json={"all": True}, headers=key)

    assert first.json() == second.json()
    assert second.headers["idempotent-replayed"] == "true"
    assert [answer.json() for answer in done] == [{"count": 1}] * 2
    assert other.status_code == 422


async def test_a_replay_whose_answer_was_lost_is_not_done_again(
    gateway: Gateway, database: Database
) -> None:
    await bury(database, b"{}")
    async with await gateway.signed_in(Role.ADMIN) as ada:
        body, headers = {"all": True}, {"idempotency-key": "once"}
        first = await ada.post(f"{PATH}/replay", json=body, headers=headers)
        await bury(database, b"{}")
        second = await ada.post(f"{PATH}/replay", json=body, headers=headers)

    assert (first.json(), second.json()) == ({"count": 1}, {"count": 1})
    assert await left(database) == 1


async def test_a_request_that_was_cut_off_is_done_again_under_its_key(
    gateway: Gateway, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    letter = await bury(database, b"{}")
    purges = PostgresOperator.purge

    async def dies(*_: object) -> int:
        raise RuntimeError("the process dies here")

    async with await gateway.signed_in(Role.ADMIN) as ada:
        body, headers = {"id": str(letter)}, {"idempotency-key": "once"}
        monkeypatch.setattr(PostgresOperator, "purge", dies)
        failed = await ada.post(f"{PATH}/purge", json=body, headers=headers)
        monkeypatch.setattr(PostgresOperator, "purge", purges)
        done = await ada.post(f"{PATH}/purge", json=body, headers=headers)

    assert (failed.status_code, done.json()) == (500, {"count": 1})


async def test_everything_about_a_request_is_on_record(strict: Gateway, database: Database) -> None:
    await bury(database, b"{}")
    async with (
        await strict.signed_in(Role.ADMIN) as ada,
        await strict.signed_in(Role.APPROVER) as eve,
    ):
        request = await asked(ada)
        await decide(eve, request)
        await purge(ada, request)

    rows = await strict.pool.fetch(
        "SELECT action, scope, after FROM audit.entry WHERE subject = $1 ORDER BY id",
        request["id"],
    )
    assert [(row["action"], row["scope"], row["after"]) for row in rows] == [
        (f"approval:{what}", "purge-dead-letters", request["plan_hash"])
        for what in ("requested", "given", "used")
    ]


async def test_the_database_itself_refuses_that_somebody_approves_their_own(
    strict: Gateway, database: Database
) -> None:
    await bury(database, b"{}")
    async with await strict.signed_in(Role.ADMIN) as ada:
        request = await asked(ada)

    with pytest.raises(Exception, match="approval_check"):
        await strict.pool.execute(
            "UPDATE gateway.approval SET decision = 'approved', decided_by = requested_by,"
            " decided_at = now() WHERE id = $1",
            UUID(request["id"]),
        )


async def test_an_empty_queue_has_nothing_to_ask_for(strict: Gateway) -> None:
    async with await strict.signed_in(Role.ADMIN) as ada:
        empty = await ada.post(f"{PATH}/purge-requests", json={"all": True})
        unknown = await ada.get(f"{APPROVALS}/{UUID(int=7)}")

    assert (empty.status_code, unknown.status_code) == (404, 404)
    assert QUEUE in PATH


def test_an_act_that_nobody_can_ask_for_is_refused_at_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("APPROVAL_REQUIRED", "purge-dead-letters, delete-everything")

    with pytest.raises(SettingsError, match="APPROVAL_REQUIRED: there is no act “delete-every"):
        load_settings(Settings, database_url="postgresql://x@localhost/x", secret_key="k7" * 20)
