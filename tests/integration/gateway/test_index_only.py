"""The overview's figures, and the walk to a page, never visit the rows of the inventory."""
# ruff: noqa: S608 - the statements are made of the conditions that are tested

import pytest

from services.gateway.domain.filters import ItemStatus
from services.gateway.queries.items import STATUS
from tests.support.database import Database

SINGLE = "i.deleted_at IS NULL AND NOT i.managed"
WITHIN = "i.vault_id = ANY ('{1,2}'::integer[])"
COUNTED = [
    *(STATUS[status] for status in ItemStatus if status is not ItemStatus.HEALTHY),
    "i.kind = 'secret'",
]
# Some thousand items of many ends and names: a planner that has nothing to read takes any way.
FILLED = """
    INSERT INTO scanner.vault (kind, name) VALUES ('directory', 'Entra');
    INSERT INTO scanner.item (vault_id, kind, external_id, name, enabled, not_before, expires_on,
           warning_at, critical_at, managed, changed_at)
    SELECT 1, CASE WHEN n % 3 = 0 THEN 'secret' ELSE 'key' END, 'x/' || n, 'name-' || md5(n::text),
           n % 20 <> 0, CASE WHEN n % 7 = 0 THEN now() + (n % 9 - 8) * interval '1 day' END,
           e.at, e.at - interval '30 days', e.at - interval '7 days', n % 11 = 0,
           now() - n * interval '1 hour'
      FROM generate_series(1, 5000) AS n
     CROSS JOIN LATERAL (SELECT CASE WHEN n % 5 > 0 THEN now() + (n % 800 - 60) * interval '1 day'
                         END AS at) AS e;
"""


async def plan(database: Database, sql: str) -> str:
    """Return how the statement is answered where the rows themselves should not be read."""
    async with database.connection() as conn:
        await conn.execute(FILLED)
        # Among so few rows, in the order in which they were written, any index would do.
        await conn.execute("DROP INDEX scanner.item_by_vault, scanner.item_by_subscription")
        await conn.execute("VACUUM ANALYZE scanner.item")
    async with database.connection("gateway") as conn:
        for way in ("seqscan", "bitmapscan", "sort"):
            await conn.execute(f"SET enable_{way} = off")
        return "\n".join(row[0] for row in await conn.fetch(f"EXPLAIN {sql}"))


@pytest.mark.parametrize("within", ["true", WITHIN])
@pytest.mark.parametrize("condition", COUNTED)
async def test_a_figure_of_the_overview_is_read_from_an_index_alone(
    database: Database, condition: str, within: str
) -> None:
    found = await plan(
        database,
        f"SELECT count(*) FROM scanner.v_item_key AS i WHERE {SINGLE} AND {condition} AND {within}",
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
        database, f"SELECT count(*) FROM scanner.v_item AS i WHERE {SINGLE} AND {COUNTED[-1]}"
    )

    assert "Index Only Scan" not in found
