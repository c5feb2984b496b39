"""Finding a page of the inventory: which items, in order, by as few reads as its question allows.

Three ways. *Gathering* reads all that fits and sorts it: for few vaults, whose index holds what a
status and a name are told by, and for what an index of its own finds. *Walking* follows the order
and stops when the page is full: for what fits often. *Stretches* of the order, one after the
other, are for tags: PostgreSQL joins the tag's index with that of the order, so that the rows of
hits alone are read.

Nothing is known beforehand of how often something fits. So the first entries of the order are
tried, and how many of them fitted says whether to go on or to gather.
"""

from dataclasses import dataclass, replace
from typing import Final, LiteralString

from asyncpg import Record

from services.gateway.domain.cursor import Cursor
from services.gateway.domain.filters import ItemFilter, SortKey
from services.gateway.queries.item_filter import by_key, by_name, by_row
from services.gateway.queries.item_order import (
    Order,
    after,
    far_end,
    in_stretch,
    order_of,
    stretch_end,
    until,
    without_beginning,
    zones,
)
from services.gateway.queries.reach import Reach
from services.gateway.queries.sql import Conditions, either, statement
from shared.database import Connection

# More hits than that are not gathered.
CAP: Final = 10_000
# Vaults with so many items together are gathered: some milliseconds, most of them in one index.
MOST_GATHERED: Final = 25_000
# Below this the names in the index are not worth a look before the rows.
FEW: Final = 2_000
# So many entries are tried for each item of a page, and so small a share of hits is too small to
# go on: then all hits together are fewer than the entries that would be walked.
TRIED: Final = 70
SCARCE: Final = 5
TRIES: Final = 3

_FROM: Final = "FROM scanner.v_item_key AS i WHERE"
_ENTRY: Final = (
    "SELECT i.id, i.vault_id, i.kind, i.name, i.enabled, i.not_before, i.exp_sort, i.warning_at,"
    " i.critical_at, i.managed, i.tags, i.search, i.changed_at " + _FROM
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """A question with its names resolved, and where its page begins."""

    filter: ItemFilter
    reach: Reach
    cursor: Cursor | None
    limit: int

    @property
    def is_of_vaults_alone(self) -> bool:
        filter_ = self.filter
        return not (filter_.may_be_scarce or filter_.statuses) and filter_.managed is None

    @property
    def order(self) -> Order:
        return order_of(self.filter.sort, self.cursor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A page's places in order; `hits`: how many fit in all, where that came with it."""

    places: list[Cursor]
    hits: int | None = None


async def find(conn: Connection, search: Search) -> Found:
    """Return the places of a page, at most `limit` of them."""
    filter_, reach = search.filter, search.reach
    if reach.vaults is not None and not reach.vaults:
        return Found(places=[], hits=0)
    if reach.items <= MOST_GATHERED and filter_.may_be_scarce:
        return await _gathered(conn, search)
    if reach.items <= MOST_GATHERED and len(reach.vaults or ()) > 1:
        return await _in_vaults(conn, search)
    if not filter_.may_be_scarce:
        return Found(places=await _walked(conn, search))
    if filter_.tags and not filter_.words:
        return await _by_stretches(conn, search)
    return await _tried(conn, search)


async def _in_vaults(conn: Connection, search: Search) -> Found:
    """Look whether the vaults have much of the order's beginning; else gather what they hold.

    What a status leaves is gathered in any case: only so all that fits is counted. The vaults'
    index does not tell of changes, so that order is left as late as can be.
    """
    if search.filter.sort.key is SortKey.CHANGED_AT:
        return await _tried(conn, search)
    if search.is_of_vaults_alone:
        places = await _walked(conn, search, TRIED * search.limit)
        if len(places) == search.limit:
            return Found(places=places)
    return await _gathered(conn, search)


async def _tried(conn: Connection, search: Search) -> Found:
    """Try the first entries, and more while hits are frequent among them."""
    tried = TRIED * search.limit
    places: list[Cursor] = []
    for _ in range(TRIES):
        places = await _walked(conn, search, tried)
        if len(places) == search.limit or len(places) * SCARCE < search.limit:
            break
        tried *= 1 + 2 * search.limit // len(places)
    if len(places) == search.limit:
        return Found(places=places)
    return await _the_rest(conn, search, len(places))


async def _the_rest(conn: Connection, search: Search, tried: int) -> Found:
    """Gather all hits where there were few among the first entries; walk on where many are left."""
    if tried * SCARCE < search.limit or search.filter.words:
        found = await _gathered(conn, search, most=CAP + 1)
        if found.hits is not None and found.hits <= CAP:
            return found
    return Found(places=await _walked(conn, search))


async def _by_stretches(conn: Connection, search: Search) -> Found:
    """Look for hits in one part of the order after the other, each as long as it promises to fill.

    Only the rows of hits are read: PostgreSQL joins the tag's index with that of the order.
    """
    places: list[Cursor] = []
    size, begin, tried = TRIED * search.limit, search.cursor, False
    while True:
        entry = await _entry(conn, search, begin, size)
        end = stretch_end(search.order, begin, entry)
        missing = search.limit - len(places)
        new = await _in_stretch(conn, search, begin, end, missing)
        places += new
        if end is None or len(new) == missing:
            return Found(places=places)
        if end == entry:
            if not tried and len(places) * SCARCE < search.limit:
                return await _the_rest(conn, search, len(places))
            tried, size = True, size * missing * 4 // (3 * len(new) + 1)
        begin = end


async def _entry(
    conn: Connection, search: Search, begin: Cursor | None, size: int
) -> Cursor | None:
    """Return the place `size` entries on, or None when the order has no more."""
    query = Conditions()
    entries = _entries(query, replace(search, cursor=begin)).where()
    sql = statement(
        "SELECT i.id,", search.order.key, "AS key", _FROM, entries, search.order.by,
        query.bind("OFFSET ? LIMIT 1", size - 1),
    )  # fmt: skip
    return next(iter(_places(await conn.fetch(sql, *query.arguments))), None)


async def _in_stretch(
    conn: Connection, search: Search, begin: Cursor | None, end: Cursor | None, limit: int
) -> list[Cursor]:
    """Return the first hits after one place and up to another.

    The places themselves bound the hits only: PostgreSQL would not know how many rows that leaves.
    """
    order, query = search.order, Conditions()
    where = _entries(query, replace(search, cursor=None))
    where.add(in_stretch(query, order, begin, end).where())
    hits = _fitting(query, search, where, "scanner.v_item_key")
    sql = statement(
        "WITH hits AS MATERIALIZED (", hits, ")",
        "SELECT i.id,", order.key, "AS key FROM hits AS i WHERE",
        after(query, order, begin), "AND", until(query, order, end),
        order.by, query.bind("LIMIT ?", limit),
    )  # fmt: skip
    return _places(await conn.fetch(sql, *query.arguments))


async def _gathered(conn: Connection, search: Search, most: int | None = None) -> Found:
    """Read everything that fits from the cursor on, up to `most`, and sort it."""
    order, query = search.order, Conditions()
    hits = _hits(query, search)
    if most is not None:
        hits = statement(hits, query.bind("LIMIT ?", most))
    sql = statement(
        "WITH hits AS MATERIALIZED (", hits, ")",
        "SELECT i.id,", order.key, "AS key, (SELECT count(*) FROM hits) AS hits",
        "FROM hits AS i", order.by, query.bind("LIMIT ?", search.limit),
    )  # fmt: skip
    rows = await conn.fetch(sql, *query.arguments)
    return Found(places=_places(rows), hits=rows[0]["hits"] if rows else 0)


async def _walked(conn: Connection, search: Search, within: int | None = None) -> list[Cursor]:
    """Follow the order from the cursor on until the page is full or `within` entries are read."""
    order, query = search.order, Conditions()
    walks: list[LiteralString] = [
        statement(
            "(", _hits(query, search, zone, order.by, within),
            order.by, query.bind("LIMIT ?", search.limit), ")",
        )
        for zone in _zones(search)
    ]  # fmt: skip
    sql = statement(
        "SELECT i.id,", order.key, "AS key FROM (", either(walks, " UNION ALL ", ""), ") AS i",
        order.by, query.bind("LIMIT ?", search.limit),
    )  # fmt: skip
    return _places(await conn.fetch(sql, *query.arguments))


def _zones(search: Search) -> tuple[LiteralString, ...]:
    """Return the parts of the order in which a status is looked for."""
    if not search.filter.by_expiry or search.reach.vaults is not None:
        return ("true",)
    *others, last = zones(search.filter.statuses)
    begun = search.cursor is not None and not search.filter.sort.descending
    return (*others, without_beginning(last) if begun else last)


def _hits(
    query: Conditions,
    search: Search,
    zone: LiteralString = "true",
    by: LiteralString = "",
    within: int | None = None,
) -> LiteralString:
    """Return the statement of what fits after the cursor, with the columns of its place."""
    where = _entries(query, search)
    where.add(zone)
    if within is None:
        return _fitting(query, search, where, "scanner.v_item_key", by)
    part = statement(_ENTRY, where.where(), by, query.bind("LIMIT ?", within))
    return _fitting(query, search, query.beside(), statement("(", part, ")"), by)


def _fitting(
    query: Conditions,
    search: Search,
    where: Conditions,
    source: LiteralString,
    by: LiteralString = "",
) -> LiteralString:
    """Return the statement of what fits among the entries of `source` that `where` leaves.

    A search first looks at the names that the index holds, and at the rows of what is left.
    """
    columns, filter_ = search.order.columns, search.filter
    by_key(
        where, filter_, search.reach, begun=search.filter.by_expiry and search.cursor is not None
    )
    if not filter_.words or search.reach.items <= FEW:
        by_row(where, filter_)
        return statement("SELECT", columns, "FROM", source, "AS i WHERE", where.where())
    by_name(where, filter_)
    exact = by_row(query.beside(), filter_)
    return statement(
        "SELECT", columns, "FROM (SELECT i.id AS near_id,", columns, "FROM", source, "AS i WHERE",
        where.where(), by, "OFFSET 0) AS i CROSS JOIN LATERAL (SELECT", _FROM, "i.id = near_id AND",
        exact.where(), "OFFSET 0) AS exact",
    )  # fmt: skip


def _entries(query: Conditions, search: Search) -> Conditions:
    """Return the conditions of the part of the order that a page can come from."""
    found, sort, statuses = query.beside(), search.filter.sort, search.filter.statuses
    found.add("i.deleted_at IS NULL")
    if search.cursor is None:
        found.add(far_end(statuses, replace(sort, descending=not sort.descending)))
    else:
        found.add(after(query, search.order, search.cursor))
    found.add(far_end(statuses, sort))
    return found


def _places(rows: list[Record]) -> list[Cursor]:
    return [Cursor(row["key"], str(row["id"])) for row in rows]
