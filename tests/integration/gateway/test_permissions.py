"""The permission doctor's result and the request for a look, through the API."""

import json
from datetime import datetime
from uuid import UUID, uuid4

import orjson
import pytest

from services.gateway.domain.role import Role
from services.gateway.routes.permissions import PermissionRow, Permissions
from shared.events import PermissionCheckRequested
from tests.support.database import Database
from tests.support.gateway import Gateway

PERMISSIONS = "/api/v1/permissions"
STATES = ("excess", "missing", "unknown", "have", "have")


async def seed(database: Database, answer: str = "yes", days_ago: int = 0) -> UUID:
    """Write a check as the scanner would have."""
    check = uuid4()
    async with database.connection() as conn:
        await conn.execute(
            """
            INSERT INTO scanner.permission_check (
                id, began_at, requested_by, could_read_values, vaults, excess, missing, unknown,
                object_id, client_id, tenant_id)
            VALUES ($1, now() - make_interval(days => $3), 'ada', $2, 2, 1, 1, 1, 'o', 'c', 't')
            """,
            check,
            answer,
            days_ago,
        )
        for n, state in enumerate(STATES, start=1):
            await conn.execute(
                """
                INSERT INTO scanner.permission (
                    check_id, n, permission, scope, state, why, remedy, reads_values, vault_name,
                    could_read_values)
                VALUES ($1, $2, 'secrets get', '/v/1', $3, 'Because.', 'az …', $4, 'kv', $5)
                """,
                check,
                n,
                state,
                state == "excess",
                answer,
            )
    return check


async def test_before_the_first_check_there_is_none_and_no_row(gateway: Gateway) -> None:
    async with await gateway.signed_in(Role.VIEWER) as http:
        answer = (await http.get(PERMISSIONS)).json()

    assert answer["check"] is None
    assert answer["data"] == []


async def test_the_newest_check_is_told_with_its_rows_the_worst_first(
    gateway: Gateway, database: Database
) -> None:
    await seed(database, "no", days_ago=1)
    newest = await seed(database)

    async with await gateway.signed_in(Role.VIEWER) as http:
        answer = (await http.get(PERMISSIONS)).json()

    told = Permissions.model_validate(answer)
    assert told.check
    assert (told.check.id, told.check.could_read_values) == (newest, "yes")
    assert tuple(row.state for row in told.data) == STATES
    assert told.data[0].reads_values
    assert answer["data"][0].keys() == PermissionRow.model_fields.keys()


async def test_rows_come_page_by_page_and_by_state(gateway: Gateway, database: Database) -> None:
    await seed(database)
    async with await gateway.signed_in(Role.VIEWER) as http:
        first = (await http.get(PERMISSIONS, params={"limit": 2})).json()
        cursor = first["meta"]["next_cursor"]
        rest = (await http.get(PERMISSIONS, params={"cursor": cursor})).json()
        bad = (await http.get(PERMISSIONS, params={"state": ["missing", "unknown"]})).json()
        unheard = await http.get(PERMISSIONS, params={"state": "fine"})

    assert [row["n"] for row in first["data"] + rest["data"]] == [1, 2, 3, 4, 5]
    assert rest["meta"]["next_cursor"] is None
    assert [row["state"] for row in bad["data"]] == ["missing", "unknown"]
    assert unheard.status_code in {400, 422}


async def test_a_cursor_of_an_earlier_check_is_refused_with_a_sentence(
    gateway: Gateway, database: Database
) -> None:
    await seed(database, days_ago=1)
    async with await gateway.signed_in(Role.VIEWER) as http:
        cursor = (await http.get(PERMISSIONS, params={"limit": 1})).json()["meta"]["next_cursor"]
        await seed(database)
        answer = await http.get(PERMISSIONS, params={"cursor": cursor})

    assert answer.status_code in {400, 422}
    assert "cursor" in answer.json()["detail"]


async def test_a_look_is_asked_for_with_its_event_and_its_audit_entry(
    gateway: Gateway, database: Database
) -> None:
    async with await gateway.signed_in(Role.OPERATOR) as http:
        accepted = await http.post(f"{PERMISSIONS}/check")

    assert accepted.status_code == 202
    assert accepted.headers["location"] == PERMISSIONS
    async with database.connection() as conn:
        bodies = await conn.fetch(
            "SELECT body FROM bus.message WHERE type = $1", PermissionCheckRequested.type
        )
    (event,) = (orjson.loads(row["body"]) for row in bodies)
    asked = accepted.json()["requested_at"]
    assert datetime.fromisoformat(event["requested_at"]) == datetime.fromisoformat(asked)
    assert (await gateway.actions())[-1][0] == "permission-check:requested"


@pytest.mark.parametrize("role", [Role.VIEWER, Role.AUDITOR, Role.APPROVER])
async def test_who_may_not_ask_for_a_scan_may_not_ask_for_a_look(
    gateway: Gateway, role: Role
) -> None:
    async with await gateway.signed_in(role) as http:
        refused = await http.post(f"{PERMISSIONS}/check")

    assert refused.status_code == 403


async def test_the_description_shows_both(gateway: Gateway) -> None:
    async with gateway.client() as http:
        described = json.loads((await http.get("/openapi.json")).text)

    assert {PERMISSIONS, f"{PERMISSIONS}/check"} <= described["paths"].keys()


async def test_a_repeated_request_with_one_key_asks_for_one_check(gateway: Gateway) -> None:
    async with await gateway.signed_in(Role.OPERATOR) as http:
        key = {"idempotency-key": "once"}
        answers = [await http.post(f"{PERMISSIONS}/check", headers=key) for _ in range(2)]
        other = await http.post(f"{PERMISSIONS}/check")

    assert [answer.status_code for answer in (*answers, other)] == [202, 202, 202]
    assert answers[0].json() == answers[1].json()
    assert answers[1].headers["idempotent-replayed"] == "true"
    asked = [one for one in await gateway.actions() if one[0] == "permission-check:requested"]
    assert len(asked) == 2
