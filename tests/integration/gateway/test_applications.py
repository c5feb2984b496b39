"""Applications over the API: filters, pages, and one with all it holds."""

from typing import Any

import httpx
import pytest

from services.gateway.domain.role import Role
from services.gateway.routes.answers import Item
from services.gateway.routes.applications import Application, ApplicationDetail
from tests.support.database import Database
from tests.support.gateway import Gateway, SeedItem, seed_estate

APPLICATIONS = "/api/v1/applications"


@pytest.fixture
async def http(gateway: Gateway, database: Database) -> Any:
    await seed_estate(database, [SeedItem(name="sso", kind="app_certificate", expires_in=20)])
    async with database.connection() as conn:
        await conn.execute(
            """
            INSERT INTO scanner.application (vault_id, kind, object_id, app_id, name, owners,
                   federated, enabled, signing_thumbprint, deleted_at)
            VALUES (1, 'service_principal', 'object', 'client', 'Payments API', '[]', '[]', false,
                    'abc', NULL),
                   (1, 'application', 'o2', 'c2', 'payroll', '[{"id": "ada", "kind": "user",
                    "display_name": "Ada", "user_principal_name": null}]', '[{"id": "f", "name":
                    "main", "issuer": "i", "subject": "s", "audiences": ["a"], "description":
                    null}]', NULL, NULL, NULL),
                   (1, 'application', 'o3', 'c3', 'unknown', NULL, NULL, NULL, NULL, NULL),
                   (1, 'application', 'o4', 'c4', 'gone', '[]', '[]', NULL, NULL, now());
            UPDATE scanner.item SET thumbprint = 'abc';
            INSERT INTO scanner.credential (item_id, application_id, key_id, usage)
            VALUES (1, 1, 'key-1', 'Sign');
            INSERT INTO scanner.application_change (scan_id, application_id, what, fields)
            VALUES (gen_random_uuid(), 1, 'added', '[]'),
                   (gen_random_uuid(), 1, 'changed',
                    '[{"field": "enabled", "before": true, "after": false}]');
            """
        )
    async with await gateway.signed_in(Role.VIEWER) as client:
        yield client


async def names(http: httpx.AsyncClient, **params: Any) -> list[str]:
    answer = await http.get(APPLICATIONS, params=params)
    assert answer.status_code == 200, answer.text
    found = answer.json()["data"]
    for row in found:
        assert set(row) == set(Application.model_fields)
        Application.model_validate(row)
    return [row["name"] for row in found]


async def test_applications_are_found_by_name_kind_owner_and_federation(
    http: httpx.AsyncClient,
) -> None:
    assert await names(http) == ["Payments API", "payroll", "unknown"]
    assert await names(http, q="PAY") == ["Payments API", "payroll"]
    assert await names(http, kind="application") == ["payroll", "unknown"]
    assert await names(http, owned=False) == ["Payments API"]
    assert await names(http, owned=True) == ["payroll"]
    assert await names(http, federated=True) == ["payroll"]


async def test_pages_go_on_where_they_ended(http: httpx.AsyncClient) -> None:
    found, cursor = [], None
    while True:
        params = {"limit": 1, **({"cursor": cursor} if cursor else {})}
        answer = (await http.get(APPLICATIONS, params=params)).json()
        found += [row["name"] for row in answer["data"]]
        cursor = answer["meta"]["next_cursor"]
        if cursor is None:
            break

    assert found == ["Payments API", "payroll", "unknown"]


async def test_one_application_comes_with_all_it_holds(http: httpx.AsyncClient) -> None:
    found = (await http.get(f"{APPLICATIONS}/1")).json()
    other = (await http.get(f"{APPLICATIONS}/2")).json()

    assert set(found) == set(ApplicationDetail.model_fields)
    ApplicationDetail.model_validate(found)
    ApplicationDetail.model_validate(other)
    (credential,) = found["credentials"]
    assert (credential["usage"], credential["signs_tokens"]) == ("Sign", True)
    assert [change["what"] for change in found["changes"]] == ["changed", "added"]
    assert (found["owners"], other["owners"][0]["id"]) == ([], "ada")
    assert other["federated"][0]["audiences"] == ["a"]


async def test_what_is_not_there_is_not_found_and_nonsense_is_refused(
    http: httpx.AsyncClient,
) -> None:
    assert (await http.get(f"{APPLICATIONS}/999")).status_code == 404
    assert (await http.get(f"{APPLICATIONS}/4")).json()["deleted_at"]
    for nonsense in ("kind=group", "owned=perhaps", "limit=0", "q=%00", "cursor=x"):
        assert (await http.get(f"{APPLICATIONS}?{nonsense}")).status_code == 422


async def test_an_item_shows_what_kind_of_application_holds_it(http: httpx.AsyncClient) -> None:
    (listed,) = (await http.get("/api/v1/items")).json()["data"]
    one = (await http.get("/api/v1/items/1")).json()

    assert set(listed) == set(Item.model_fields)
    for found in (listed, one):
        assert (found["application_kind"], found["usage"]) == ("service_principal", "Sign")
