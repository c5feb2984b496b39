"""An item's details and versions over the API."""

from typing import Any

import httpx
import pytest

from services.gateway.domain.role import Role
from services.gateway.routes import item_answers
from tests.support.database import Database
from tests.support.gateway import Gateway, SeedItem, seed_estate

ITEMS = "/api/v1/items"
DETAIL = """
    INSERT INTO scanner.item_detail (item_id, outcome, reason, remedy, read_at, complete_at,
           settled, seen_enabled, version, version_count, enabled_old_versions, facts)
    SELECT i.id, 'denied', 'No access policy allows it.', 'Optional: grant it.', now(),
           now() - interval '1 day', true, true, 'v3', 3, 1,
           '{"key": {"key_type": "EC", "curve": "P-256", "hsm": true}}'
    FROM scanner.item i WHERE i.name = 'signing';
    INSERT INTO scanner.version (item_id, version_id, enabled, created_on)
    SELECT i.id, v.id, v.enabled, v.at FROM scanner.item i, (VALUES
        ('v1', false, NULL), ('v2', true, timestamptz '2026-01-01 00:00Z'),
        ('v3', true, timestamptz '2026-02-01 00:00Z')) AS v (id, enabled, at)
    WHERE i.name = 'signing';
    INSERT INTO scanner.item (vault_id, kind, external_id, name, enabled, managed)
    VALUES (1, 'certificate', 'certificates/tls', 'tls', true, false),
           (1, 'secret', 'secrets/tls', 'tls', true, true)
"""


@pytest.fixture
async def http(gateway: Gateway, database: Database) -> Any:
    await seed_estate(database, [SeedItem(name="signing", kind="key"), SeedItem(name="unread")])
    async with database.connection() as conn:
        await conn.execute(DETAIL)
    async with await gateway.signed_in(Role.VIEWER) as client:
        yield client


async def item(http: httpx.AsyncClient, name: str, **params: str) -> dict[str, Any]:
    rows = (await http.get(ITEMS, params={"q": name, **params})).json()["data"]
    answer = await http.get(f"{ITEMS}/{rows[0]['id']}")
    assert answer.status_code == 200, answer.text
    item_answers.ItemDetail.model_validate(answer.json())
    found: dict[str, Any] = answer.json()
    return found


async def test_an_item_shows_what_is_known_and_why_it_is_not_fresher(
    http: httpx.AsyncClient,
) -> None:
    found = await item(http, "signing")

    detail = found["detail"]
    assert (detail["outcome"], detail["remedy"]) == ("denied", "Optional: grant it.")
    assert detail["complete_at"] < detail["read_at"]
    assert detail["key"]["curve"] == "P-256"
    assert detail["certificate"] is None
    assert (found["version"], found["version_count"], found["enabled_old_versions"]) == ("v3", 3, 1)
    assert [(v["version_id"], v["current"]) for v in found["versions"]] == [
        ("v3", True),
        ("v2", False),
        ("v1", False),
    ]


async def test_an_item_that_was_not_read_yet_says_so(http: httpx.AsyncClient) -> None:
    found = await item(http, "unread")

    assert found["detail"] is None
    assert found["versions"] == []


async def test_a_secret_behind_a_certificate_leads_to_it(http: httpx.AsyncClient) -> None:
    certificate = await item(http, "tls", kind="certificate")
    secret = await item(http, "tls", kind="secret")

    assert secret["certificate_id"] == certificate["id"]
    assert certificate["certificate_id"] is None


async def test_versions_come_page_by_page_newest_first(http: httpx.AsyncClient) -> None:
    item_id = (await item(http, "signing"))["id"]
    seen: list[str] = []
    cursor: str | None = None
    for _ in range(3):
        params = {"limit": "1"} | ({"cursor": cursor} if cursor else {})
        page = (await http.get(f"{ITEMS}/{item_id}/versions", params=params)).json()
        seen += [row["version_id"] for row in page["data"]]
        cursor = page["meta"]["next_cursor"]

    assert seen == ["v3", "v2", "v1"]
    assert cursor is None


async def test_versions_of_nothing_are_not_found(http: httpx.AsyncClient) -> None:
    assert (await http.get(f"{ITEMS}/999999/versions")).status_code == 404
