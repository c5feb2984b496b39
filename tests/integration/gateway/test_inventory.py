"""The inventory over the API: filters, orders, pages, search, and details."""

import itertools
from typing import Any

import httpx
import pytest

from services.gateway.domain.role import Role
from services.gateway.queries import item_count, item_find
from services.gateway.routes import answers, item_answers
from tests.support.database import Database
from tests.support.gateway import Gateway, SeedItem, seed_estate

ITEMS = "/api/v1/items"

ESTATE = [
    SeedItem(name="expired-one", expires_in=-2),
    SeedItem(name="critical-one", expires_in=3),
    SeedItem(name="warning-one", expires_in=20, kind="certificate", tags={"env": "prod"}),
    SeedItem(name="warning-shadow", expires_in=20, managed=True),
    SeedItem(name="healthy-one", expires_in=200, vault=2, tags={"env": "prod", "team": "web"}),
    SeedItem(name="endless", expires_in=None, kind="key", vault=2),
    SeedItem(name="disabled-one", expires_in=1, enabled=False),
    SeedItem(name="tomorrows", expires_in=300, active_in=1),
    SeedItem(name="payApiKey", expires_in=90, vault=2),
    SeedItem(name="pay-webhook", expires_in=91, tags={"env": "test"}),
    SeedItem(name="rotating", expires_in=5, kind="app_secret", vault=2),
    SeedItem(name="gone", expires_in=1, gone=True),
]


@pytest.fixture
async def http(gateway: Gateway, database: Database) -> Any:
    await seed_estate(database, ESTATE)
    async with await gateway.signed_in(Role.VIEWER) as client:
        yield client


async def names(http: httpx.AsyncClient, **params: Any) -> list[str]:
    answer = await http.get(ITEMS, params=params)
    assert answer.status_code == 200, answer.text
    return [item["name"] for item in answer.json()["data"]]


async def test_what_ends_first_comes_first_and_what_is_gone_does_not_come(
    http: httpx.AsyncClient,
) -> None:
    found = await names(http)

    assert found[:3] == ["expired-one", "disabled-one", "critical-one"]
    assert found[-1] == "endless"
    assert "gone" not in found
    assert len(found) == len(ESTATE) - 1


async def test_each_status_is_filtered_as_it_is_shown(http: httpx.AsyncClient) -> None:
    shown = (await http.get(ITEMS)).json()["data"]

    for status in {item["status"] for item in shown}:
        expected = [item["name"] for item in shown if item["status"] == status]
        assert await names(http, status=status) == expected
    assert {item["status"] for item in shown} == {
        "expired",
        "critical",
        "warning",
        "healthy",
        "no_expiry",
        "disabled",
        "not_yet_active",
    }
    both = await names(http, status="expired,critical")
    assert both == ["expired-one", "critical-one", "rotating"]


async def test_filters_narrow_and_must_all_apply(http: httpx.AsyncClient) -> None:
    assert await names(http, kind="key") == ["endless"]
    assert await names(http, kind="key,certificate") == ["warning-one", "endless"]
    assert await names(http, vault="kv-pay", status="expired") == ["expired-one"]
    assert set(await names(http, vault="2")) == {"healthy-one", "endless", "payApiKey", "rotating"}
    assert await names(http, subscription="contoso test", kind="key") == ["endless"]
    assert await names(http, subscription="SUB-B", kind="key") == ["endless"]
    assert await names(http, subscription="elsewhere") == []
    assert await names(http, vault="no-such-vault") == []
    assert await names(http, tag="env:prod") == ["warning-one", "healthy-one"]
    assert await names(http, tag=["env:prod", "team:web"]) == ["healthy-one"]
    assert await names(http, tag=["env:prod", "env:test"]) == []


async def test_a_search_finds_the_beginnings_of_words(http: httpx.AsyncClient) -> None:
    assert await names(http, q="pay") == ["rotating", "payApiKey", "pay-webhook"]
    assert await names(http, q="webh pay") == ["pay-webhook"]
    assert await names(http, q="api") == ["rotating", "payApiKey"]
    assert await names(http, q="payments") == ["rotating"]
    assert await names(http, q="ook") == []
    assert await names(http, q="pay' & !x:*") == []


SORTS = ("expires_on", "-expires_on", "name", "-name", "changed_at", "-changed_at")
NARROWED: tuple[dict[str, str], ...] = ({}, {"q": "one"}, {"tag": "env:prod"}, {"vault": "kv-pay"})


async def test_pages_of_any_order_add_up_to_the_whole(http: httpx.AsyncClient) -> None:
    for sort, more in itertools.product(SORTS, NARROWED):
        whole = await names(http, sort=sort, **more)
        paged, cursor = [], None
        while True:
            params = {"sort": sort, "limit": 2, **more, **({"cursor": cursor} if cursor else {})}
            page = (await http.get(ITEMS, params=params)).json()
            paged += [item["name"] for item in page["data"]]
            assert (page["meta"]["total"] is None) == (cursor is not None)
            cursor = page["meta"]["next_cursor"]
            if cursor is None:
                break

        assert paged == whole, (sort, more)
        assert len(set(paged)) == len(paged)


async def test_a_cursor_of_another_question_is_refused(http: httpx.AsyncClient) -> None:
    cursor = (await http.get(ITEMS, params={"limit": 1})).json()["meta"]["next_cursor"]

    answer = await http.get(ITEMS, params={"limit": 1, "kind": "key", "cursor": cursor})

    assert answer.status_code == 422
    assert "another filter" in answer.json()["detail"]


async def test_counting_stops_at_the_cap_and_says_so(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = (await http.get(ITEMS)).json()["meta"]
    monkeypatch.setattr(item_count, "CAP", 2)
    capped = (await http.get(ITEMS, params={"limit": 1})).json()["meta"]

    assert (exact["total"], exact["total_capped"]) == (len(ESTATE) - 1, False)
    assert (capped["total"], capped["total_capped"]) == (2, True)


async def test_what_takes_long_to_count_is_counted_when_it_is_asked_for(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(item_find, "MOST_GATHERED", -1)
    monkeypatch.setattr(item_count, "ALWAYS_COUNTED", -1)
    monkeypatch.setattr(item_count, "CAP", 2)
    quick = (await http.get(ITEMS, params={"q": "one", "limit": 1})).json()["meta"]
    full = (await http.get(ITEMS, params={"q": "one", "limit": 1, "count": "full"})).json()["meta"]
    wrong = await http.get(ITEMS, params={"count": "all"})

    assert (quick["total"], quick["total_capped"]) == (None, True)
    assert (full["total"], full["total_capped"]) == (5, False)
    assert wrong.status_code == 422


async def test_an_item_has_its_metadata_and_its_changes(
    http: httpx.AsyncClient, database: Database
) -> None:
    item = (await http.get(ITEMS, params={"q": "critical"})).json()["data"][0]
    async with database.connection() as conn:
        await conn.execute(
            """
            INSERT INTO scanner.scan (id, mode, requested_by, requested_at, state, correlation_id)
            VALUES ('11111111-1111-4111-8111-111111111111', 'full', 'ada', now(), 'running',
                    gen_random_uuid())
            """
        )
        await conn.execute(
            """
            INSERT INTO scanner.change (scan_id, item_id, vault_id, what, fields)
            SELECT '11111111-1111-4111-8111-111111111111', $1, 1, 'changed',
                   '[{"field": "enabled", "before": false, "after": true}]'
              FROM generate_series(1, 3)
            """,
            item["id"],
        )
    detail = (await http.get(f"{ITEMS}/{item['id']}")).json()
    changes = (await http.get(f"{ITEMS}/{item['id']}/changes", params={"limit": 2})).json()
    rest = await http.get(
        f"{ITEMS}/{item['id']}/changes",
        params={"limit": 2, "cursor": changes["meta"]["next_cursor"]},
    )
    everything = (await http.get("/api/v1/changes", params={"vault": 1})).json()

    assert detail["days_left"] == 2
    assert item_answers.ItemDetail.model_validate(detail).changes[0].fields[0].field == "enabled"
    assert [len(changes["data"]), len(rest.json()["data"])] == [2, 1]
    assert len(everything["data"]) == 3
    assert (await http.get("/api/v1/changes", params={"vault": 2})).json()["data"] == []
    assert "value" not in detail


async def test_vaults_say_why_they_could_not_be_read(http: httpx.AsyncClient) -> None:
    everything = (await http.get("/api/v1/vaults")).json()["data"]
    dark = (await http.get("/api/v1/vaults", params={"readable": False})).json()["data"]
    one = (await http.get(f"/api/v1/vaults/{dark[0]['id']}")).json()

    assert [vault["name"] for vault in everything] == ["KV-Pay", "kv-web", "kv-dark"]
    assert [vault["name"] for vault in dark] == ["kv-dark"]
    assert one["outcome_remedy"] == "Assign Key Vault Reader."
    assert len((await http.get("/api/v1/vaults", params={"q": "KV-W"})).json()["data"]) == 1
    in_b = (await http.get("/api/v1/vaults", params={"subscription": "sub-b"})).json()["data"]
    assert len(in_b) == 2


async def test_the_overviews_numbers_are_the_lists_numbers_and_count_a_certificate_once(
    http: httpx.AsyncClient,
) -> None:
    overview = (await http.get("/api/v1/overview")).json()

    async def total(**given: str) -> int:
        params = {"managed": "false", **given}
        count: int = (await http.get(ITEMS, params=params)).json()["meta"]["total"]
        return count

    for status, count in overview["items"]["by_status"].items():
        assert await total(status=status) == count, status
    for kind, count in overview["items"]["by_kind"].items():
        assert await total(kind=kind) == count, kind
    assert overview["items"]["total"] == await total() == len(ESTATE) - 2
    assert await names(http, managed="true") == ["warning-shadow"]
    assert [item["name"] for item in overview["next_to_expire"]][:3] == [
        "critical-one",
        "rotating",
        "warning-one",
    ]
    assert "warning-shadow" not in [item["name"] for item in overview["next_to_expire"]]
    assert overview["vaults"] == {
        "total": 3,
        "unreadable": 1,
        "not_looked_at_yet": 0,
        "subscriptions": 2,
        "excluded": 0,
    }
    assert overview["unreadable"][0]["remedy"] == "Assign Key Vault Reader."
    assert overview["last_scan"] is None


async def test_what_goes_out_fits_the_models_of_the_description(
    http: httpx.AsyncClient, database: Database
) -> None:
    async with database.connection() as conn:
        await conn.execute(ALERT)
    models: dict[str, Any] = {
        ITEMS: answers.Page[answers.Item],
        "/api/v1/vaults": answers.Page[answers.Vault],
        "/api/v1/alerts": answers.Page[answers.Alert],
        "/api/v1/outbox": answers.Page[answers.Delivery],
    }

    for path, model in models.items():
        body = (await http.get(path)).json()
        assert body["data"], path
        fitted = model.model_validate(body)
        given = body["data"][0].keys()
        assert given <= type(fitted.data[0]).model_fields.keys(), path


async def test_alerts_are_filtered_by_state(http: httpx.AsyncClient, database: Database) -> None:
    async with database.connection() as conn:
        await conn.execute(ALERT)

    assert len((await http.get("/api/v1/alerts", params={"state": "raised"})).json()["data"]) == 1
    assert (await http.get("/api/v1/alerts", params={"state": "resolved"})).json()["data"] == []


ALERT = """
WITH a AS (
    INSERT INTO alerting.alert (rule_id, fingerprint, severity, title, body, link, item_id, kind,
           name, container, expires_on, step, raised_at)
    SELECT r.id, 'f', 'high', 'Title', 'Text', '/items/1', 1, 'secret', 'name', 'kv', now(), 7,
           now()
      FROM alerting.rule AS r LIMIT 1
    RETURNING id)
INSERT INTO alerting.delivery (alert_id, channel_id, reason, severity, title, body, link,
       delivered_at)
SELECT a.id, 'outbox', 'raised', 'high', 'Title', 'Text', '/items/1', now() FROM a
"""
