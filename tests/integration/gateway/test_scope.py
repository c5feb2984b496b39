"""Scopes: what somebody may see of the inventory, in every list, order, figure and detail."""

import random
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.gateway.domain.role import Role
from services.gateway.domain.scope import Scope
from services.gateway.queries import item_find
from tests.support.database import Database
from tests.support.gateway import Gateway, SeedItem, running_gateway, seed_estate

ITEMS = "/api/v1/items"
KINDS = ("secret", "key", "certificate", "app_secret")
# On both sides of every border between two statuses, and far from all of them.
ENDS = (None, -200.0, -0.01, 0.01, 6.99, 7.01, 29.9, 30.1, 89.0, 91.0, 700.0)


def estate(seed: int) -> list[SeedItem]:
    """Throw an estate of 60 items over the two vaults that can be read."""
    dice = random.Random(seed)  # noqa: S311 - the same estates in every run
    return [
        SeedItem(
            name=f"item-{number:02d}",
            kind=dice.choice(KINDS),
            vault=dice.choice((1, 2)),
            expires_in=dice.choice(ENDS),
            enabled=dice.random() > 0.2,
            active_in=dice.choice((None, None, -5.0, 5.0)),
            tags=dice.choice(({}, {"env": "prod"})),
            managed=dice.random() < 0.2,
            gone=dice.random() < 0.1,
        )
        for number in range(60)
    ]


@pytest.fixture
async def scoped(database: Database, tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway at which a viewer sees the first vault only, and everybody else everything."""
    scope = Scope(vault_ids=frozenset({1}))
    async with running_gateway(
        database, tmp_path, scope_of=lambda session: scope if session.role is Role.VIEWER else None
    ) as gateway:
        yield gateway


async def rows(http: httpx.AsyncClient, **params: Any) -> list[dict[str, Any]]:
    """Follow a list to its end."""
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        given = {**params, **({"cursor": cursor} if cursor else {})}
        answer = await http.get(ITEMS, params=given)
        assert answer.status_code == 200, answer.text
        document = answer.json()
        found += document["data"]
        cursor = document["meta"]["next_cursor"]
        if cursor is None:
            return found


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("role", [Role.ADMIN, Role.VIEWER])
async def test_the_overviews_figures_are_those_of_the_list_in_any_estate(
    scoped: Gateway, database: Database, seed: int, role: Role
) -> None:
    await seed_estate(database, estate(seed))
    async with await scoped.signed_in(role) as http:
        overview = (await http.get("/api/v1/overview")).json()["items"]
        listed = [row for row in await rows(http) if not row["managed"]]
        by_filter = {
            status: sum(not row["managed"] for row in await rows(http, status=status))
            for status in overview["by_status"]
        }

    assert overview["total"] == len(listed)
    assert overview["by_kind"] == dict(Counter(row["kind"] for row in listed))
    shown = Counter(row["status"] for row in listed)
    assert overview["by_status"] == by_filter == {name: shown[name] for name in by_filter}


@pytest.mark.parametrize("most", [-1, 10_000])
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"sort": "-expires_on"},
        {"sort": "name"},
        {"sort": "-changed_at"},
        {"status": "healthy,disabled"},
        {"status": "not_yet_active"},
        {"subscription": "sub-a"},
        {"subscription": "sub-b"},
        {"vault": "KV-Pay"},
        {"vault": "kv-web"},
        {"vault": "1,2"},
        {"tag": "env:prod"},
        {"q": "item"},
    ],
)
async def test_a_scoped_list_is_the_whole_list_without_what_is_out_of_scope(
    scoped: Gateway,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    params: dict[str, str],
    most: int,
) -> None:
    # Gathered or walked, the answer is the same.
    monkeypatch.setattr(item_find, "MOST_GATHERED", most)
    await seed_estate(database, estate(11))
    async with database.connection() as conn:
        await conn.execute("UPDATE scanner.vault SET items = 60 WHERE id = 1")
    async with await scoped.signed_in(Role.ADMIN) as admin:
        everything = await rows(admin, limit=7, **params)
    async with await scoped.signed_in(Role.VIEWER) as viewer:
        seen = await rows(viewer, limit=7, **params)

    assert seen == [row for row in everything if row["vault_id"] == 1]


async def test_an_item_out_of_scope_is_not_found_with_all_that_hangs_on_it(
    scoped: Gateway, database: Database
) -> None:
    await seed_estate(database, [SeedItem(name="seen", vault=1), SeedItem(name="unseen", vault=2)])
    async with await scoped.signed_in(Role.ADMIN) as admin:
        ids = {row["name"]: row["id"] for row in await rows(admin)}
    async with await scoped.signed_in(Role.VIEWER) as viewer:
        for path in ("", "/changes"):
            assert (await viewer.get(f"{ITEMS}/{ids['seen']}{path}")).status_code == 200
            assert (await viewer.get(f"{ITEMS}/{ids['unseen']}{path}")).status_code == 404


async def test_the_overview_of_a_scope_tells_of_its_vaults_only(
    scoped: Gateway, database: Database
) -> None:
    await seed_estate(
        database,
        [SeedItem(name="seen", vault=1, expires_in=9), SeedItem(name="unseen", vault=2)],
    )
    async with await scoped.signed_in(Role.VIEWER) as viewer:
        overview = (await viewer.get("/api/v1/overview")).json()

    assert [item["name"] for item in overview["next_to_expire"]] == ["seen"]
    assert overview["unreadable"] == []
    assert overview["vaults"]["total"] == 1
    assert overview["vaults"]["subscriptions"] == 1


async def test_vaults_and_changes_out_of_scope_are_not_shown(
    scoped: Gateway, database: Database
) -> None:
    await seed_estate(database, [SeedItem(name="seen", vault=1), SeedItem(name="unseen", vault=2)])
    async with database.connection() as conn:
        await conn.execute(
            "INSERT INTO scanner.change (scan_id, item_id, vault_id, what)"
            " SELECT gen_random_uuid(), id, vault_id, 'added' FROM scanner.item"
        )
    async with await scoped.signed_in(Role.VIEWER) as viewer:
        vaults = (await viewer.get("/api/v1/vaults")).json()["data"]
        changes = (await viewer.get("/api/v1/changes")).json()["data"]
        statuses = [(await viewer.get(f"/api/v1/vaults/{id_}")).status_code for id_ in (1, 2)]

    assert [vault["id"] for vault in vaults] == [1]
    assert [change["name"] for change in changes] == ["seen"]
    assert statuses == [200, 404]


SCAN = "11111111-1111-4111-8111-111111111111"
SCANNED = """
    INSERT INTO scanner.scan (id, mode, requested_by, requested_at, state, correlation_id,
           completed_at, outcome, error, vaults, unreadable, items, added, changed, removed)
    VALUES ('SCAN', 'full', 'ada', now(), 'completed', gen_random_uuid(), now(), 'partial',
            'kv-dark could not be read.', 3, 1, 50, 9, 0, 0);
    INSERT INTO scanner.shard (scan_id, shard_id) VALUES ('SCAN', 1);
    INSERT INTO scanner.scan_vault (scan_id, vault_id, shard_id, presence, finished_at, outcome,
           reason, items, added, first_change_id, last_change_id)
    VALUES ('SCAN', 1, 1, 'listed', now(), 'ok', NULL, 5, 2, 1, 2),
           ('SCAN', 2, 1, 'listed', now(), 'ok', NULL, 45, 7, 3, 9),
           ('SCAN', 3, 1, 'listed', now(), 'denied', 'No.', 0, 0, NULL, NULL);
""".replace("SCAN", SCAN)
ALERTS = """
    WITH a AS (
        INSERT INTO alerting.alert (rule_id, fingerprint, severity, title, body, link, item_id,
               kind, name, container, expires_on, step, raised_at)
        SELECT r.id, 'f' || i.id, 'high', i.name, 'Text', '/', i.id, 'secret', i.name, 'kv', now(),
               7, now()
          FROM scanner.item AS i CROSS JOIN (SELECT id FROM alerting.rule LIMIT 1) AS r
        RETURNING id, title)
    INSERT INTO alerting.delivery (alert_id, channel_id, reason, severity, title, body, link,
           delivered_at)
    SELECT a.id, 'outbox', 'raised', 'high', a.title, 'Text', '/', now() FROM a
"""


async def test_alerts_and_their_messages_are_shown_of_ones_own_items(
    scoped: Gateway, database: Database
) -> None:
    await seed_estate(database, [SeedItem(name="seen", vault=1), SeedItem(name="unseen", vault=2)])
    async with database.connection() as conn:
        await conn.execute(ALERTS)
    for role, names in ((Role.VIEWER, {"seen"}), (Role.ADMIN, {"seen", "unseen"})):
        async with await scoped.signed_in(role) as http:
            for path in ("/api/v1/alerts", "/api/v1/alerts?state=raised", "/api/v1/outbox"):
                shown = (await http.get(path)).json()["data"]
                assert {row["title"] for row in shown} == names, path


async def test_a_scan_tells_of_ones_own_vaults_alone(scoped: Gateway, database: Database) -> None:
    await seed_estate(database, [])
    async with database.connection() as conn:
        await conn.execute(SCANNED)
    async with await scoped.signed_in(Role.VIEWER) as viewer:
        shown = (await viewer.get(f"/api/v1/scans/{SCAN}")).json()
        listed = (await viewer.get("/api/v1/scans")).json()["data"]
        vaults = (await viewer.get(f"/api/v1/scans/{SCAN}/vaults")).json()["data"]
        overview = (await viewer.get("/api/v1/overview")).json()["last_scan"]
    async with await scoped.signed_in(Role.ADMIN) as admin:
        whole = (await admin.get(f"/api/v1/scans/{SCAN}")).json()

    own = {"vaults": 1, "vaults_done": 1, "unreadable": 0, "items": 5, "added": 2, "error": None}
    for scan in (shown, *listed, overview):
        assert {name: scan[name] for name in own} == own
        assert scan["outcome"] == "complete"
    assert [vault["vault_id"] for vault in vaults] == [1]
    assert (whole["items"], whole["unreadable"], whole["outcome"]) == (50, 1, "partial")


async def test_a_comparison_names_ones_own_vaults_alone(
    scoped: Gateway, database: Database
) -> None:
    await seed_estate(database, [])
    other = SCAN.replace("1", "2")
    async with database.connection() as conn:
        await conn.execute(SCANNED)
        await conn.execute(SCANNED.replace(SCAN, other))
    path = f"/api/v1/scans/{SCAN}/compare?with={other}"
    async with await scoped.signed_in(Role.VIEWER) as viewer:
        seen = (await viewer.get(path)).json()["not_compared"]
    async with await scoped.signed_in(Role.ADMIN) as admin:
        whole = (await admin.get(path)).json()["not_compared"]

    assert {vault["vault_name"] for vault in seen} == {"KV-Pay"}
    assert len(whole) == 3
