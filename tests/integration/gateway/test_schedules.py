"""Schedules and trends through the API: asked for once, refused at once, known at once."""

import asyncio
from datetime import timedelta
from typing import Any

import orjson
import pytest

from services.gateway.domain.role import Role
from services.gateway.routes.schedules import Schedule
from services.scanner.handlers import on_scan_schedule_requested
from shared.bus import Message
from shared.clock import utc_now
from shared.events import ScanScheduleRequested
from tests.support.database import Database
from tests.support.gateway import Gateway, SeedItem, seed_estate

SCHEDULES = "/api/v1/schedules"
NIGHTLY = {
    "name": "nightly",
    "cron": "0 2 * * *",
    "time_zone": "Europe/Berlin",
    "selector": "sub:prod-*",
}


async def deliver(database: Database) -> list[dict[str, Any]]:
    """Let the scanner hear what was asked for; returns the events."""
    async with database.connection() as conn:
        rows = await conn.fetch(
            "SELECT id, body FROM bus.message WHERE type = $1 ORDER BY id",
            ScanScheduleRequested.type,
        )
    bodies = [orjson.loads(row["body"]) for row in rows]
    async with database.pool("scanner") as pool:
        for row, body in zip(rows, bodies, strict=True):
            message = Message(
                id=row["id"],
                type=ScanScheduleRequested.type,
                source="gateway",
                time=utc_now(),
                correlation_id=row["id"],
                causation_id=None,
                attempt=0,
                queue="scanner",
            )
            event = ScanScheduleRequested.model_validate(body)
            await on_scan_schedule_requested(event, message, pool=pool)
    return bodies


async def test_a_schedule_is_asked_for_known_at_once_and_heard_of_by_the_scanner(
    gateway: Gateway, database: Database
) -> None:
    async with await gateway.signed_in(Role.OPERATOR) as http:
        accepted = await http.post(SCHEDULES, json=NIGHTLY)
        at_once = (await http.get(accepted.headers["location"])).json()
        await deliver(database)
        heard = (await http.get(SCHEDULES)).json()["data"]

    assert accepted.status_code == 202
    assert (at_once["state"], at_once["selector"]) == ("requested", "sub:prod-*")
    assert [(one["id"], one["state"]) for one in heard] == [(at_once["id"], "active")]
    assert Schedule.model_validate(heard[0]).time_zone == "Europe/Berlin"
    assert (await gateway.actions())[-1][0] == "schedule:changed"


async def test_changes_count_and_a_removed_schedule_is_gone_at_once(
    gateway: Gateway, database: Database
) -> None:
    async with await gateway.signed_in(Role.OPERATOR) as http:
        where = (await http.post(SCHEDULES, json=NIGHTLY)).headers["location"]
        changed = await http.put(where, json={**NIGHTLY, "enabled": False, "mode": "delta"})
        shown = (await http.get(where)).json()
        removed = await http.delete(where)
        gone = await http.get(where)
        await deliver(database)
        listed = (await http.get(SCHEDULES)).json()["data"]
        again = await http.delete(where)

    assert [changed.json()["revision"], removed.json()["revision"]] == [2, 3]
    assert (shown["enabled"], shown["mode"]) == (False, "delta")
    assert (gone.status_code, again.status_code, listed) == (404, 404, [])
    assert (await gateway.actions())[-1][0] == "schedule:removed"


async def test_the_same_key_adds_one_schedule(gateway: Gateway) -> None:
    key = {"idempotency-key": "nightly"}
    async with await gateway.signed_in(Role.OPERATOR) as http:
        answers = await asyncio.gather(
            *(http.post(SCHEDULES, json=NIGHTLY, headers=key) for _ in range(3))
        )
        other = await http.post(SCHEDULES, json={**NIGHTLY, "name": "x"}, headers=key)
        listed = (await http.get(SCHEDULES)).json()["data"]

    assert len({answer.json()["id"] for answer in answers}) == 1
    assert (other.status_code, len(listed)) == (422, 1)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"cron": "0 2 * *"}, "write five fields"),
        ({"cron": "0 0 30 2 *"}, "cron expression"),
        ({"time_zone": "Mars/Base"}, "IANA"),
        ({"selector": "name:db-*"}, "a vault is read whole or not at all"),
        ({"selector": "colour:red"}, "expected one of sub, vault"),
        ({"jitter_seconds": -1}, "greater than or equal to 0"),
        ({"mode": "fast"}, "'full', 'delta' or 'force'"),
    ],
)
async def test_what_could_never_run_is_refused_at_once_with_a_sentence(
    gateway: Gateway, change: dict[str, Any], sentence: str
) -> None:
    async with await gateway.signed_in(Role.OPERATOR) as http:
        answer = await http.post(SCHEDULES, json={**NIGHTLY, **change})
        listed = (await http.get(SCHEDULES)).json()["data"]

    assert answer.status_code == 422
    assert sentence in answer.text
    assert listed == []


async def test_a_viewer_sees_schedules_and_changes_none(gateway: Gateway) -> None:
    async with await gateway.signed_in(Role.VIEWER) as http:
        assert (await http.get(SCHEDULES)).status_code == 200
        assert (await http.post(SCHEDULES, json=NIGHTLY)).status_code == 403


async def test_a_scan_is_asked_for_within_a_selector_and_a_bad_one_is_refused(
    gateway: Gateway, database: Database
) -> None:
    async with await gateway.signed_in(Role.OPERATOR) as http:
        accepted = await http.post("/api/v1/scans", json={"selector": " vault:kv-*   -tag:skip "})
        scan = (await http.get(accepted.headers["location"])).json()
        refused = await http.post("/api/v1/scans", json={"selector": "status:expired"})

    async with database.connection() as conn:
        body = await conn.fetchval("SELECT body FROM bus.message")
    assert scan["selector"] == orjson.loads(body)["selector"] == "vault:kv-* -tag:skip"
    assert refused.status_code == 422
    assert "a vault is read whole" in refused.text


async def test_a_vault_left_out_by_choice_says_so_and_is_not_unreadable(
    gateway: Gateway, database: Database
) -> None:
    await seed_estate(database, [])
    async with database.connection() as conn:
        await conn.execute("UPDATE scanner.vault SET excluded_at = now() WHERE name = 'kv-dark'")
    async with await gateway.signed_in(Role.VIEWER) as http:
        overview = (await http.get("/api/v1/overview")).json()
        vaults = (await http.get("/api/v1/vaults")).json()["data"]

    assert overview["unreadable"] == []
    assert overview["vaults"]["excluded"] == 1
    assert [vault["name"] for vault in vaults if vault["excluded_at"]] == ["kv-dark"]


async def test_trends_are_the_snapshots_of_days_and_no_day_is_made_up(
    gateway: Gateway, database: Database
) -> None:
    from services.scanner.steps.retain import retain

    await seed_estate(database, [SeedItem(name="a"), SeedItem(name="b", vault=2, kind="key")])
    now = utc_now()
    async with database.pool("scanner") as pool:
        await retain(pool, keep_days=400, now=now - timedelta(days=3))
        await retain(pool, keep_days=400, now=now)
    days = [str((now - timedelta(days=past)).date()) for past in (3, 0)]
    async with await gateway.signed_in(Role.VIEWER) as http:
        whole = (await http.get("/api/v1/trends", params={"to": days[1]})).json()["data"]
        one = (await http.get("/api/v1/trends", params={"subscription": "SUB-A"})).json()["data"]
        none = await http.get("/api/v1/trends", params={"from": days[1], "to": days[0]})

    assert [day["day"] for day in whole] == days
    assert whole[1]["items"] == {
        "total": 2,
        "by_kind": {"secret": 1, "key": 1},
        "by_status": {"healthy": 2},
    }
    assert (whole[1]["vaults"], whole[1]["unreadable"]) == (3, 1)
    assert one[-1]["items"]["total"] == 1
    assert none.status_code == 422
