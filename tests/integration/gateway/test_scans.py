"""Asking for a scan: one row, one event, one audit entry, together or not at all."""

import asyncio
from typing import Any
from uuid import UUID

import orjson
import pytest

from services.gateway.domain.role import Role
from services.gateway.routes import answers
from shared.events import ScanRequested
from tests.support.database import Database
from tests.support.gateway import Gateway

SCANS = "/api/v1/scans"


async def published(database: Database) -> list[tuple[dict[str, Any], dict[str, str]]]:
    """Return the bodies and headers of the scans that were asked for on the bus."""
    async with database.connection() as conn:
        rows = await conn.fetch(
            "SELECT body, headers FROM bus.message WHERE type = $1", ScanRequested.type
        )
    return [(orjson.loads(row["body"]), _headers(row["headers"])) for row in rows]


def _headers(found: Any) -> dict[str, str]:
    parsed: dict[str, str] = orjson.loads(found) if isinstance(found, str | bytes) else found
    return parsed


async def test_a_scan_is_asked_for_and_known_at_once(gateway: Gateway, database: Database) -> None:
    body = {"mode": "delta", "subscriptions": ["sub-a"]}
    async with await gateway.signed_in(Role.OPERATOR) as http:
        accepted = await http.post(SCANS, json=body)
        scan = await http.get(accepted.headers["location"])
        listed = await http.get(SCANS)

    scan_id = accepted.json()["id"]
    assert accepted.status_code == 202
    assert accepted.headers["location"] == f"{SCANS}/{scan_id}"
    assert scan.json()["state"] == "requested"
    assert answers.Scan.model_validate(scan.json()).subscription_ids == ["sub-a"]
    assert [entry["id"] for entry in listed.json()["data"]] == [scan_id]
    [(event, headers)] = await published(database)
    assert (event["scan_id"], event["mode"]) == (scan_id, "delta")
    assert accepted.headers["x-request-id"] in headers.values()
    assert any("traceparent" in name for name in headers)
    assert (await gateway.actions())[-1][0] == "scan:requested"


async def test_a_scan_whose_event_cannot_be_published_leaves_nothing(
    gateway: Gateway, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any, **__: Any) -> UUID:
        raise RuntimeError("the bus")

    monkeypatch.setattr(gateway.service.bus, "emit", broken)
    async with await gateway.signed_in(Role.OPERATOR) as http:
        answer = await http.post(SCANS, json={}, headers={"idempotency-key": "a"})
        monkeypatch.undo()
        again = await http.post(SCANS, json={}, headers={"idempotency-key": "a"})

    assert answer.status_code == 500
    assert again.status_code == 202
    assert len(await published(database)) == 1


async def test_the_same_key_asks_once_and_gets_the_same_answer(
    gateway: Gateway, database: Database
) -> None:
    key = {"idempotency-key": "nightly-2026-11-23"}
    async with await gateway.signed_in(Role.OPERATOR) as http:
        answers_ = await asyncio.gather(
            *(http.post(SCANS, json={"mode": "full"}, headers=key) for _ in range(4))
        )
        other = await http.post(SCANS, json={"mode": "force"}, headers=key)
    async with await gateway.signed_in(Role.OPERATOR) as somebody_else:
        own = await somebody_else.post(SCANS, json={"mode": "full"}, headers=key)

    assert {answer.status_code for answer in answers_} == {202}
    assert len({answer.json()["id"] for answer in answers_}) == 1
    assert len({answer.headers["location"] for answer in answers_}) == 1
    assert sum("idempotent-replayed" in answer.headers for answer in answers_) == 3
    assert other.status_code == 422
    assert "choose a new one" in other.json()["detail"]
    assert own.json()["id"] != answers_[0].json()["id"]
    assert len(await published(database)) == 2


async def test_the_scanners_row_replaces_the_request(gateway: Gateway, database: Database) -> None:
    async with await gateway.signed_in(Role.OPERATOR) as http:
        scan_id = (await http.post(SCANS, json={})).json()["id"]
        async with database.connection() as conn:
            await conn.execute(
                """
                INSERT INTO scanner.scan (id, mode, requested_by, requested_at, state,
                       correlation_id)
                VALUES ($1, 'full', 'ada', now(), 'running', gen_random_uuid())
                """,
                UUID(scan_id),
            )
        scan = (await http.get(f"{SCANS}/{scan_id}")).json()
        listed = (await http.get(SCANS)).json()["data"]
        vaults = await http.get(f"{SCANS}/{scan_id}/vaults")

    assert scan["state"] == "running"
    assert [entry["state"] for entry in listed] == ["running"]
    assert vaults.json() == {
        "data": [],
        "meta": {"next_cursor": None, "total": None, "total_capped": False},
    }


async def test_scans_come_in_pages_newest_first(gateway: Gateway) -> None:
    async with await gateway.signed_in(Role.OPERATOR) as http:
        asked = []
        for _ in range(5):
            gateway.clock.forward(seconds=1)
            asked.append((await http.post(SCANS, json={})).json()["id"])
        found: list[str] = []
        cursor = None
        while True:
            params = {"limit": 2, **({"cursor": cursor} if cursor else {})}
            page = (await http.get(SCANS, params=params)).json()
            found += [scan["id"] for scan in page["data"]]
            cursor = page["meta"]["next_cursor"]
            if cursor is None:
                break

    assert found == asked[::-1]


async def test_one_scan_is_one_trace_from_the_request_on(
    gateway: Gateway, database: Database
) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    async with await gateway.signed_in(Role.OPERATOR) as http:
        headers = {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
        await http.post(SCANS, json={}, headers=headers)

    [(_, found)] = await published(database)
    assert any(trace in value for value in found.values())
