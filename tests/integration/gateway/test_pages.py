"""Pages beside a plain reading: found in whichever way, they hold what fits, once, in order."""

import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from asyncpg import Record

from services.gateway.domain.filters import ItemFilter, ItemStatus, SortKey, parse_items
from services.gateway.domain.scope import Scope
from services.gateway.queries import item_count, item_find
from services.gateway.queries.items import list_items
from shared.database import Pool
from shared.events import ItemKind
from tests.support.database import Database

NEVER: Final = datetime.max.replace(tzinfo=UTC)
QUESTIONS: Final = 80
# Items of two subscriptions and of the directory. Many share an end, a name or an instant, some
# have windows of a rule of their own, and words that are searched for stand inside of others too.
ESTATE: Final = """
    INSERT INTO scanner.subscription (id, name, state)
    VALUES ('sub-a', 'Contoso Prod', 'Enabled'), ('sub-b', 'Contoso Test', 'Enabled');
    INSERT INTO scanner.vault (kind, name, uri, resource_id, subscription_id, resource_group,
           region, sku, rbac, items)
    SELECT 'vault', 'kv-' || n, 'https://kv-' || n || '/', '/v/' || n,
           CASE WHEN n < 4 THEN 'sub-a' ELSE 'sub-b' END, 'rg', 'here', 'standard', true, 60
      FROM generate_series(1, 5) AS n;
    INSERT INTO scanner.vault (kind, name, items) VALUES ('directory', 'Entra', 60);
    INSERT INTO scanner.item (vault_id, subscription_id, kind, external_id, name, enabled,
           not_before, expires_on, warning_at, critical_at, tags, managed, changed_at, deleted_at,
           application_object_id, application_id, application_name)
    SELECT v.id, v.subscription_id, k.kind, 'x/' || n, d.name, r.a > 0.1,
           CASE WHEN r.b < 0.2 THEN now() + (r.a - 0.5) * interval '90 days' END,
           e.at, e.at - w.days * interval '1 day', e.at - w.days * interval '6 hours',
           (ARRAY['{}', '{"env": "prod"}', '{"env": "test", "team": "web"}', '{"team": "web"}']
           )[1 + n % 4]::jsonb,
           v.kind = 'vault' AND r.b > 0.8, now() - n % 40 * interval '1 day',
           CASE WHEN n % 23 = 0 THEN now() END,
           CASE WHEN v.kind = 'directory' THEN 'o' END, CASE WHEN v.kind = 'directory' THEN 'a' END,
           CASE WHEN v.kind = 'directory' THEN 'pay-portal' END
      FROM generate_series(1, 360) AS n
      JOIN scanner.vault AS v ON v.id = n % 6 + 1
     CROSS JOIN LATERAL (SELECT (hashint8extended(n, 1) & 1023) / 1024.0 AS a,
                                (hashint8extended(n, 2) & 1023) / 1024.0 AS b) AS r
     CROSS JOIN LATERAL (SELECT CASE v.kind WHEN 'directory' THEN 'app_secret' ELSE
                         (ARRAY['secret', 'key', 'certificate'])[1 + n % 3] END AS kind) AS k
     CROSS JOIN LATERAL (SELECT (ARRAY['pay-token', 'payApiKey', 'repay', 'catalog-log', 'logTail',
                         'x1'])[1 + n % 5] || CASE WHEN n % 2 = 0 THEN '-' || n ELSE '' END
                         AS name) AS d
     CROSS JOIN LATERAL (SELECT (ARRAY[30, 7, 60])[1 + n % 3] AS days) AS w
     CROSS JOIN LATERAL (SELECT CASE WHEN n % 6 > 0 THEN now() + ((n * 37) % 130 - 30.5)
                         * interval '1 day' END AS at) AS e;
"""
ALL: Final = """
    SELECT i.id, i.kind, i.status, i.vault_id, i.vault_name, i.subscription_id,
           i.subscription_name, i.name, i.expires_on, i.changed_at, i.tags, i.managed,
           tsvector_to_array(i.search) AS words
      FROM scanner.v_item AS i
     WHERE i.deleted_at IS NULL
"""
# How the constants of `item_find` send every question one way.
WAYS: Final[Mapping[str, Mapping[str, int]]] = {
    "as it is": {},
    "gathered, names first": {"FEW": -1},
    "walked": {"FEW": -1, "MOST_GATHERED": -1, "TRIED": 1, "SCARCE": 0},
    "tried, then gathered": {"FEW": -1, "MOST_GATHERED": -1, "TRIED": 1, "SCARCE": 1000},
    "tried, more than can be gathered": {"MOST_GATHERED": -1, "TRIED": 1, "SCARCE": 50, "CAP": 2},
    "long windows": {"FEW": -1, "MOST_GATHERED": -1, "TRIED": 9},
}


def some(dice: random.Random, *values: str) -> list[str]:
    """Throw none, one or two of the values."""
    return dice.sample(values, dice.choice((0, 0, 0, 0, 1, 2)))


def question(dice: random.Random) -> ItemFilter:
    return parse_items(
        kind=some(dice, *ItemKind),
        status=some(dice, *ItemStatus),
        vault=some(dice, "kv-1", "KV-4", "2", "6", "nowhere"),
        subscription=some(dice, "sub-a", "Contoso Test"),
        tag=some(dice, "env:prod", "env:test", "team:web"),
        q=dice.choice(("", "", "", "", "", "", "pay", "log", "key api", "portal", "x1", "none")),
        managed=dice.choice((None, None, None, True, False)),
        sort=dice.choice(("", "-")) + dice.choice(list(SortKey)),
    )


def scope(dice: random.Random) -> Scope | None:
    some_vaults = Scope(vault_ids=frozenset({1, 4, 6}))
    return dice.choice((None, None, some_vaults, Scope(subscription_ids=frozenset({"sub-b"}))))


def fits(row: Record, asked: ItemFilter, seen: Scope | None) -> bool:
    """Say whether a row fits, as the API's documentation describes it."""
    vault = (asked.vault_ids or asked.vault_names) and not (
        row["vault_id"] in asked.vault_ids or row["vault_name"].lower() in asked.vault_names
    )
    names = {str(row[name]).lower() for name in ("subscription_id", "subscription_name")}
    return not (
        vault
        or (asked.kinds and row["kind"] not in asked.kinds)
        or (asked.statuses and row["status"] not in asked.statuses)
        or (asked.subscriptions and not names & set(asked.subscriptions))
        or any(row["tags"].get(key) != value for key, value in asked.tags)
        or any(not any(word.startswith(w) for word in row["words"]) for w in asked.words)
        or (asked.managed is not None and row["managed"] != asked.managed)
        or (seen is not None and not seen.holds(row["vault_id"], row["subscription_id"]))
    )


PLACES: Final[Mapping[SortKey, Callable[[Record], Any]]] = {
    SortKey.EXPIRES_ON: lambda row: (row["expires_on"] or NEVER, row["id"]),
    SortKey.NAME: lambda row: (row["name"], row["id"]),
    SortKey.CHANGED_AT: lambda row: (row["changed_at"], row["id"]),
}


async def walk(pool: Pool, asked: ItemFilter, seen: Scope | None, limit: int) -> list[int]:
    """Return the ids of all pages, and check what each says of the length."""
    found: list[int] = []
    cursor, total, capped = None, None, False
    while True:
        page = await list_items(pool, asked, cursor=cursor, limit=limit, scope=seen)
        if cursor is None:
            total, capped = page.total, page.capped
        else:
            assert (page.total, page.capped) == (None, False)
        assert len(page.rows) <= limit
        found += [row["id"] for row in page.rows]
        cursor = page.next
        if cursor is None:
            assert capped == (total is None)
            assert total in {None, len(found)}
            return found


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("counted", [50_000, -1])
async def test_all_pages_together_are_the_filter_applied_to_every_row(
    database: Database, monkeypatch: pytest.MonkeyPatch, way: str, counted: int
) -> None:
    for name, value in WAYS[way].items():
        monkeypatch.setattr(item_find, name, value)
    monkeypatch.setattr(item_count, "ALWAYS_COUNTED", counted)
    async with database.connection() as conn:
        await conn.execute(ESTATE)
        await conn.execute("VACUUM ANALYZE scanner.item")
        everything = await conn.fetch(ALL)
    dice = random.Random(f"{way} {counted}")  # noqa: S311 - the same questions in every run
    full = 0
    async with database.pool("gateway") as pool:
        for _ in range(QUESTIONS):
            asked, seen = question(dice), scope(dice)
            rows = [row for row in everything if fits(row, asked, seen)]
            rows.sort(key=PLACES[asked.sort.key], reverse=asked.sort.descending)
            expected = [row["id"] for row in rows]
            full += len(expected) > 0

            assert await walk(pool, asked, seen, dice.choice((3, 10, 100))) == expected, asked
            page = await list_items(pool, asked, cursor=None, limit=1, scope=seen, count_all=True)
            assert (page.total, page.capped) == (len(expected), False)
    assert full > QUESTIONS // 4
