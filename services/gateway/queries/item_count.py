"""How many items fit a question: told on the way where that is cheap, exactly where it is asked."""

from typing import Final

from services.gateway.queries.item_filter import conditions
from services.gateway.queries.item_find import Found, Search
from services.gateway.queries.item_order import zones
from services.gateway.queries.sql import Conditions, either, statement
from shared.database import Connection

CAP: Final = 10_000
# In so many items anything is counted within some milliseconds.
ALWAYS_COUNTED: Final = 50_000


async def total_of(
    conn: Connection, search: Search, found: Found, *, full: bool
) -> tuple[int | None, bool]:
    """Return how many items fit, and whether there are more than that; for a first page.

    None and more: counting them would take longer than finding the page did. `full` counts them
    in any case, and without the cap.
    """
    hits = found.hits
    if len(found.places) < search.limit:
        hits = len(found.places)
    elif full and hits is None:
        return await _counted(conn, search, None), False
    elif hits is None and _is_quick(search):
        hits = await _counted(conn, search, CAP + 1)
    if full or hits is None:
        return hits, hits is None
    return min(hits, CAP), hits > CAP


def _is_quick(search: Search) -> bool:
    """Say whether an index counts the hits, or there is little to count."""
    filter_, reach = search.filter, search.reach
    everywhere = reach.vaults is None and not (filter_.kinds or filter_.tags or filter_.words)
    return everywhere or search.is_of_vaults_alone or reach.items <= ALWAYS_COUNTED


async def _counted(conn: Connection, search: Search, most: int | None) -> int:
    query = Conditions()
    parts = []
    for zone in zones(search.filter.statuses):
        fitting = conditions(query.beside(), search.filter, search.reach)
        fitting.add(zone)
        parts.append(statement("SELECT FROM scanner.v_item_key AS i WHERE", fitting.where()))
    sql = statement(
        "SELECT count(*) FROM (", either(parts, " UNION ALL ", ""), query.bind("LIMIT ?", most),
        ") AS n",
    )  # fmt: skip
    count: int = await conn.fetchval(sql, *query.arguments)
    return count
