"""Two scans compared, from a feed that the real scanner wrote."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.gateway.domain.role import Role
from services.gateway.routes.scans import Comparison
from services.scanner.steps.retain import retain
from shared.clouds.errors import NotFoundError, TimedOutError
from tests.support.database import Database
from tests.support.gateway import Gateway
from tests.support.scanner import NOW, FakeCloud, Rig, SentTable, a_vault, an_item


@pytest.fixture
async def rig(database: Database, gateway: Gateway) -> AsyncIterator[Rig]:
    """The scanner's steps on the gateway's database."""
    assert gateway.token_file != Path()
    async with database.connection() as admin:
        await admin.execute(
            """
            CREATE TABLE scanner.test_sent (
                n bigint GENERATED ALWAYS AS IDENTITY, id uuid PRIMARY KEY, type text NOT NULL,
                body jsonb NOT NULL, correlation_id uuid);
            GRANT SELECT, INSERT ON scanner.test_sent TO scanner
            """
        )
    async with database.pool("scanner") as pool:
        yield Rig(pool=pool, cloud=FakeCloud(), outbox=SentTable(pool))


async def compare(gateway: Gateway, one: UUID, other: UUID, **params: Any) -> dict[str, Any]:
    async with await gateway.signed_in(Role.VIEWER) as http:
        answer = await http.get(
            f"/api/v1/scans/{one}/compare", params={"with": str(other), **params}
        )
    assert answer.status_code == 200, answer.text
    Comparison.model_validate(answer.json())
    found: dict[str, Any] = answer.json()
    return found


async def test_only_what_two_scans_differ_in_is_told_whatever_happened_in_between(
    gateway: Gateway, rig: Rig
) -> None:
    rig.cloud.put(a_vault("kv"), an_item("stays"), an_item("goes"), an_item("moves"))
    first = await rig.scan()
    held = rig.cloud.of("kv")
    held[:] = [an_item("stays", enabled=False), an_item("passes"), an_item("moves")]
    await rig.scan()
    held[:] = [an_item("stays"), an_item("moves", enabled=False), an_item("comes")]
    last = await rig.scan()

    found = await compare(gateway, last, first)
    backwards = await compare(gateway, first, last)
    whole = {entry["name"]: (entry["what"], entry["fields"]) for entry in found["data"]}

    assert whole == {
        "goes": ("removed", []),
        "moves": ("changed", [{"field": "enabled", "before": True, "after": False}]),
        "comes": ("added", []),
    }
    assert (found["earlier"], found["not_compared"]) == (str(first), [])
    assert backwards == found


async def test_differences_come_in_pages_without_gaps(gateway: Gateway, rig: Rig) -> None:
    rig.cloud.put(a_vault("kv"))
    first = await rig.scan()
    rig.cloud.of("kv").extend(an_item(f"i{number}") for number in range(7))
    last = await rig.scan()
    names, cursor = [], None
    while True:
        params = {"limit": 3, **({"cursor": cursor} if cursor else {})}
        page = await compare(gateway, first, last, **params)
        names += [entry["name"] for entry in page["data"]]
        cursor = page["meta"]["next_cursor"]
        if cursor is None:
            break

    assert sorted(names) == [f"i{number}" for number in range(7)]


async def test_what_either_scan_did_not_read_is_named_and_not_taken_for_unchanged(
    gateway: Gateway, rig: Rig
) -> None:
    for name in ("kv-ok", "kv-dark", "kv-west"):
        rig.cloud.put(a_vault(name, "sub-west" if name == "kv-west" else "sub-east"), an_item("a"))
    first = await rig.scan()
    rig.cloud.holds["kv-dark"] = TimedOutError("It did not answer.")
    second = await rig.scan(subscription_ids=("sub-east",))

    found = await compare(gateway, first, second)
    reasons = {entry["vault_name"]: entry["reason"] for entry in found["not_compared"]}

    assert found["data"] == []
    assert reasons == {
        "kv-dark": "The later scan did not read it.",
        "kv-west": "It was not part of the later scan.",
        "Microsoft Entra ID": "It was not part of the later scan.",
    }


async def test_a_vault_made_or_deleted_in_between_counts_with_all_its_items(
    gateway: Gateway, rig: Rig
) -> None:
    rig.cloud.put(a_vault("kv-old"), an_item("old"))
    first = await rig.scan()
    rig.cloud.vaults_seen = []
    rig.cloud.holds["kv-old"] = NotFoundError("gone")
    await rig.scan()
    made = await rig.pool.fetchval("SELECT now()")
    rig.cloud.put(replace(a_vault("kv-new"), created_on=made), an_item("new"))
    rig.cloud.put(replace(a_vault("kv-late"), created_on=NOW.replace(year=2020)), an_item("x"))
    last = await rig.scan()

    found = await compare(gateway, first, last)

    assert {(entry["name"], entry["what"]) for entry in found["data"]} == {
        ("old", "removed"),
        ("new", "added"),
    }
    assert [entry["vault_name"] for entry in found["not_compared"]] == ["kv-late"]


async def test_a_scan_older_than_the_feed_is_not_compared(gateway: Gateway, rig: Rig) -> None:
    rig.cloud.put(a_vault("kv"), an_item("a"))
    first = await rig.scan()
    await rig.pool.execute("UPDATE scanner.scan_vault SET finished_at = now() - interval '9 days'")
    rig.cloud.of("kv").append(an_item("b"))
    last = await rig.scan()
    await retain(rig.pool, keep_days=3)

    found = await compare(gateway, first, last)

    assert found["data"] == []
    assert {entry["reason"] for entry in found["not_compared"]} == {
        "What changed since the earlier scan is not kept any more."
    }


async def test_a_scan_that_is_unknown_or_has_not_begun_is_refused(gateway: Gateway) -> None:
    async with await gateway.signed_in(Role.OPERATOR) as http:
        asked = (await http.post("/api/v1/scans", json={})).json()["id"]
        waits = await http.get(f"/api/v1/scans/{asked}/compare", params={"with": asked})
        nothing = await http.get(f"/api/v1/scans/{uuid4()}/compare", params={"with": asked})

    assert (waits.status_code, nothing.status_code) == (422, 404)
    assert "has not begun" in waits.text


async def test_an_items_timeline_has_its_removal_and_its_return_in_pages(
    gateway: Gateway, rig: Rig
) -> None:
    rig.cloud.put(a_vault("kv"), an_item("a"))
    await rig.scan()
    for held in ([], [an_item("a", enabled=False)], [an_item("a")]):
        rig.cloud.of("kv")[:] = held
        await rig.scan()
    item = await rig.pool.fetchval("SELECT id FROM scanner.v_item WHERE name = 'a'")
    told, cursor = [], None
    async with await gateway.signed_in(Role.VIEWER) as http:
        while True:
            params = {"limit": 1, **({"cursor": cursor} if cursor else {})}
            page = (await http.get(f"/api/v1/items/{item}/changes", params=params)).json()
            told += [(entry["what"], len(entry["fields"])) for entry in page["data"]]
            cursor = page["meta"]["next_cursor"]
            if cursor is None:
                break

    assert told == [("changed", 1), ("restored", 1), ("removed", 0), ("added", 0)]
