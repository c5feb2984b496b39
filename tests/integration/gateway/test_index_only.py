"""The overview's figures, and the way to a page, hardly visit the rows of the inventory."""
# ruff: noqa: S608 - the statements are made of the conditions that are tested

import re
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from services.gateway.domain.cursor import Cursor
from services.gateway.domain.filters import parse_items
from services.gateway.queries import item_find
from services.gateway.queries.item_find import Found, Search, find
from services.gateway.queries.overview import LOOKS
from services.gateway.queries.reach import Reach
from shared.database import Connection
from tests.support.database import Database

SINGLE = "i.deleted_at IS NULL AND NOT i.managed"
WITHIN = "i.vault_id = ANY ('{1,2}'::integer[])"
COUNTED = [
    *((", ".join(counts.values()), where) for where, counts in LOOKS),
    ("count(*)", "i.kind = 'secret'"),
]
# Some thousand items of many ends and names: a planner that has nothing to read takes any way.
FILLED = """
    INSERT INTO scanner.vault (kind, name) VALUES ('directory', 'Entra');
    INSERT INTO scanner.item (vault_id, kind, external_id, name, enabled, not_before, expires_on,
           warning_at, critical_at, managed, changed_at, tags)
    SELECT 1 + n % 9, CASE WHEN n % 3 = 0 THEN 'secret' ELSE 'key' END, 'x/' || n,
           'name-' || md5(n::text),
           n % 20 <> 0, CASE WHEN n % 7 = 0 THEN now() + (n % 9 - 8) * interval '1 day' END,
           e.at, e.at - interval '30 days', e.at - interval '7 days', n % 11 = 0,
           now() - n * interval '1 hour',
           CASE WHEN n % 10 = 0 THEN '{"env": "prod"}'::jsonb ELSE '{}' END
      FROM generate_series(1, 5000) AS n
     CROSS JOIN LATERAL (SELECT CASE WHEN n % 5 > 0 THEN now() + (n % 800 - 60) * interval '1 day'
                         END AS at) AS e;
"""


async def plan(database: Database, sql: str) -> str:
    """Return how the statement is answered where the rows themselves should not be read."""
    async with database.connection() as conn:
        await conn.execute(FILLED)
        # Among so few rows, in the order in which they were written, any index would do.
        await conn.execute("DROP INDEX scanner.item_by_vault")
        await conn.execute("VACUUM ANALYZE scanner.item")
    async with database.connection("gateway") as conn:
        for way in ("seqscan", "bitmapscan", "sort"):
            await conn.execute(f"SET enable_{way} = off")
        return "\n".join(row[0] for row in await conn.fetch(f"EXPLAIN {sql}"))


@pytest.mark.parametrize("within", ["true", WITHIN])
@pytest.mark.parametrize(("counts", "condition"), COUNTED)
async def test_a_figure_of_the_overview_is_read_from_an_index_alone(
    database: Database, counts: str, condition: str, within: str
) -> None:
    found = await plan(
        database,
        f"SELECT {counts} FROM scanner.v_item_key AS i WHERE {SINGLE} AND {condition} AND {within}",
    )

    assert "Index Only Scan" in found


@pytest.mark.parametrize("within", ["true", WITHIN])
@pytest.mark.parametrize("key", ["exp_sort", "name", "changed_at"])
async def test_a_page_in_each_order_is_found_from_an_index_alone(
    database: Database, key: str, within: str
) -> None:
    found = await plan(
        database,
        f"SELECT i.id FROM scanner.v_item_key AS i WHERE i.deleted_at IS NULL AND {within}"
        f" ORDER BY i.{key}, i.id LIMIT 101",
    )

    assert "Index Only Scan" in found


async def test_the_view_with_the_names_would_visit_the_rows(database: Database) -> None:
    found = await plan(
        database, f"SELECT count(*) FROM scanner.v_item AS i WHERE {SINGLE} AND i.kind = 'secret'"
    )

    assert "Index Only Scan" not in found


class Watched:
    """A connection that explains each statement before it sends it."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self.plans: list[str] = []

    async def fetch(self, sql: str, *arguments: object) -> Any:
        rows = await self._conn.fetch(f"EXPLAIN (ANALYZE, BUFFERS) {sql}", *arguments)
        self.plans.append("\n".join(row[0] for row in rows))
        return await self._conn.fetch(sql, *arguments)


async def plans_of(
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    *,
    vaults: frozenset[int] | None = None,
    cursor: Cursor | None = None,
    not_by: tuple[str, ...] = ("seqscan", "bitmapscan", "sort"),
    **params: Any,
) -> str:
    """Return how a page is found; 5,000 items count as many here, and as few in some vaults."""
    monkeypatch.setattr(item_find, "MOST_GATHERED", 3000)
    async with database.connection() as conn:
        await conn.execute(FILLED)
        # Among so few rows, in the order in which they were written, any index would do.
        await conn.execute(
            "ALTER TABLE scanner.item DROP CONSTRAINT an_item_is_unique_in_its_vault"
        )
        await conn.execute("VACUUM ANALYZE scanner.item")
    reach = Reach(vaults, 2500 if vaults else 5000)
    search = Search(filter=parse_items(**params), reach=reach, cursor=cursor, limit=11)
    async with database.connection("gateway") as conn:
        for way in not_by:
            await conn.execute(f"SET enable_{way} = off")
        watched = Watched(conn)
        assert (await find(cast("Connection", watched), search)).places
    return "\n".join(watched.plans)


def skipped(plans: str) -> int:
    """Return how many entries were read in vain."""
    return sum(int(number) for number in re.findall(r"Rows Removed by Filter: (\d+)", plans))


@pytest.mark.parametrize(
    ("status", "deep"),
    [("critical", False), ("warning", False), ("healthy", False), ("healthy", True)],
)
async def test_a_page_of_a_status_begins_where_it_is_in_the_index(
    database: Database, monkeypatch: pytest.MonkeyPatch, status: str, *, deep: bool
) -> None:
    cursor = Cursor(datetime.now(UTC) + timedelta(days=300), "1") if deep else None
    plans = await plans_of(database, monkeypatch, status=[status], cursor=cursor)

    assert "Index Only Scan" in plans
    assert skipped(plans) < 100


async def test_what_few_vaults_hold_is_told_by_their_index_alone(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans = await plans_of(database, monkeypatch, vaults=frozenset({2, 3}), status=["healthy"])

    assert "Index Only Scan using item_by_vault" in plans


@pytest.mark.parametrize("vaults", [None, frozenset({2, 3})])
async def test_a_search_reads_the_rows_of_names_that_hold_its_words_alone(
    database: Database, monkeypatch: pytest.MonkeyPatch, vaults: frozenset[int] | None
) -> None:
    plans = await plans_of(database, monkeypatch, vaults=vaults, q="name")

    assert "Index Only Scan" in plans
    assert re.search(r"Index Scan using item_pkey.*\n.*Index Cond: \(id = i", plans)


async def test_of_a_tag_that_is_everywhere_a_pages_rows_alone_are_read(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(item_find, "TRIED", 20)
    plans = await plans_of(database, monkeypatch, tag=["env:prod"], not_by=("seqscan", "indexscan"))

    assert "BitmapAnd" in plans


# Every fifth item of the thousands never ends: they share the last place in the order by ends.
AMONG_ENDLESS = Cursor(None, "4000")


async def test_what_never_ends_is_found_in_few_vaults_without_reading_the_others_items(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans = await plans_of(
        database,
        monkeypatch,
        vaults=frozenset({2, 3}),
        cursor=AMONG_ENDLESS,
        status=["no_expiry"],
        not_by=("seqscan", "bitmapscan"),
    )

    assert "Index Only Scan using item_by_vault" in plans


@pytest.mark.parametrize("sort", ["expires_on", "-expires_on"])
async def test_of_a_tag_what_never_ends_is_read_from_the_cursor_on(
    database: Database, monkeypatch: pytest.MonkeyPatch, sort: str
) -> None:
    monkeypatch.setattr(item_find, "TRIED", 20)
    plans = await plans_of(
        database,
        monkeypatch,
        cursor=AMONG_ENDLESS,
        tag=["env:prod"],
        sort=sort,
        not_by=("seqscan", "indexscan"),
    )

    scans = re.findall(r"item_by_expiry .*actual time=\S+ rows=(\d+)", plans)
    assert scans, plans
    assert "BitmapAnd" in plans
    assert max(int(rows) for rows in scans) < 300


async def test_where_nothing_may_be_seen_nothing_is_asked() -> None:
    search = Search(filter=parse_items(), reach=Reach(frozenset(), 0), cursor=None, limit=11)

    assert await find(cast("Connection", None), search) == Found(places=[], hits=0)
