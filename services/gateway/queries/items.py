"""The inventory: pages by key, counts with a cap.

A status is a range of expiries (see the comments on `scanner.v_item`), so that the index on the
sort key can stop early. A search, a tag or a narrow scope finds few rows as a rule: those are
gathered first, up to the cap, and then sorted; when there are more, walking the sorted index meets
hits often enough. `v_item_key` holds what items are found by, `v_item` what is shown of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, LiteralString, TypeAlias

from asyncpg import Record

from services.gateway.domain.cursor import Cursor
from services.gateway.domain.filters import ItemFilter, ItemStatus, Sort, SortKey
from services.gateway.domain.scope import Scope
from services.gateway.queries.reach import Reach, reach_of
from services.gateway.queries.sql import Conditions, either, statement
from shared.database import Connection, Pool

Row: TypeAlias = dict[str, Any]

CAP: Final = 10_000
COUNT_LIMIT: Final = "LIMIT 10001"

_ACTIVE: Final = "(i.enabled AND (i.not_before IS NULL OR i.not_before <= now()) AND "
STATUS: Final[Mapping[ItemStatus, LiteralString]] = {
    ItemStatus.DISABLED: "(NOT i.enabled)",
    ItemStatus.NOT_YET_ACTIVE: "(i.enabled AND i.not_before > now())",
    ItemStatus.NO_EXPIRY: _ACTIVE + "i.exp_sort = 'infinity')",
    ItemStatus.EXPIRED: _ACTIVE + "i.exp_sort <= now())",
    ItemStatus.CRITICAL: _ACTIVE + "i.exp_sort > now() AND i.exp_sort < now() + interval '30 days'"
    " AND i.critical_at < now())",
    ItemStatus.WARNING: _ACTIVE + "i.exp_sort > now() AND i.exp_sort < now() + interval '90 days'"
    " AND i.warning_at < now() AND i.critical_at >= now())",
    ItemStatus.HEALTHY: _ACTIVE + "i.exp_sort > now() AND i.exp_sort < 'infinity'"
    " AND i.warning_at >= now())",
}
_ORDER: Final[Mapping[SortKey, tuple[LiteralString, LiteralString]]] = {
    SortKey.EXPIRES_ON: ("ORDER BY i.exp_sort, i.id", "ORDER BY i.exp_sort DESC, i.id DESC"),
    SortKey.NAME: ("ORDER BY i.name, i.id", "ORDER BY i.name DESC, i.id DESC"),
    SortKey.CHANGED_AT: ("ORDER BY i.changed_at, i.id", "ORDER BY i.changed_at DESC, i.id DESC"),
}
_AFTER: Final[Mapping[SortKey, tuple[LiteralString, LiteralString]]] = {
    SortKey.EXPIRES_ON: (
        "(i.exp_sort, i.id) > (coalesce(?::timestamptz, 'infinity'), ?::bigint)",
        "(i.exp_sort, i.id) < (coalesce(?::timestamptz, 'infinity'), ?::bigint)",
    ),
    SortKey.NAME: (
        "(i.name, i.id) > (?::text, ?::bigint)",
        "(i.name, i.id) < (?::text, ?::bigint)",
    ),
    SortKey.CHANGED_AT: (
        "(i.changed_at, i.id) > (?::timestamptz, ?::bigint)",
        "(i.changed_at, i.id) < (?::timestamptz, ?::bigint)",
    ),
}
_COLUMNS: Final = (
    "SELECT i.id, i.kind, i.name, i.external_id, i.status, i.days_left, i.expires_on, i.enabled,"
    " i.not_before, i.created_on, i.updated_on, i.vault_id, i.vault_name, i.subscription_id,"
    " i.subscription_name, i.content_type, i.tags, i.recovery_level, i.recoverable_days, i.managed,"
    " i.version, i.thumbprint, i.application_id, i.application_name, i.first_seen_at, i.changed_at,"
    " i.deleted_at, i.certificate_id, i.version_count, i.enabled_old_versions,"
    " c.application_kind, c.usage"
)
_FROM: Final = "FROM scanner.v_item_key AS i WHERE"
# The page's ids first and the other columns, with their joins, for these only.
_WALK: Final = ("WITH page AS (SELECT i.id", _FROM)
# With nothing but the order's key, so that an index may hold all of it.
_GATHER: Final[Mapping[SortKey, LiteralString]] = {
    SortKey.EXPIRES_ON: "WITH hits AS MATERIALIZED (SELECT i.id, i.exp_sort",
    SortKey.NAME: "WITH hits AS MATERIALIZED (SELECT i.id, i.name",
    SortKey.CHANGED_AT: "WITH hits AS MATERIALIZED (SELECT i.id, i.changed_at",
}
_PAGE_OF_HITS: Final = ", page AS (SELECT i.id FROM hits AS i WHERE"
_CREDENTIAL: Final = "LEFT JOIN scanner.v_credential AS c ON c.item_id = i.id"
_REST: Final = f"FROM page JOIN scanner.v_item AS i ON i.id = page.id {_CREDENTIAL}"
_ONE: Final = f"FROM scanner.v_item AS i {_CREDENTIAL} WHERE"
_HITS: Final = ", (SELECT count(*) FROM hits) AS hits"


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemPage:
    """Some items; `total` is counted up to the cap and known on the first page only."""

    rows: list[Row]
    next: Cursor | None
    total: int | None
    capped: bool


async def list_items(
    pool: Pool, filter_: ItemFilter, *, cursor: Cursor | None, limit: int, scope: Scope | None
) -> ItemPage:
    """Return the items that fit, in the order that was asked for, after `cursor`."""
    async with pool.acquire() as conn:
        reach = await reach_of(conn, scope)
        found = await conditions_of(conn, filter_, reach)
        rows: list[Row] | None = None
        total: int | None
        if _finds_few(filter_, reach):
            rows, total = await _gathered(conn, found, filter_.sort, cursor, limit + 1)
        else:
            total = await _count(conn, found) if cursor is None else None
        if rows is None:
            rows = await _walked(conn, found, filter_.sort, cursor, limit + 1)
    page = rows[:limit]
    return ItemPage(
        rows=page,
        next=_cursor(page[-1], filter_.sort) if len(rows) > limit else None,
        total=None if cursor or total is None else min(total, CAP),
        capped=total is not None and total > CAP and cursor is None,
    )


async def get_item(pool: Pool, item_id: int, scope: Scope | None) -> Record | None:
    """Return one item, also one that is gone; None for an unknown one and one out of scope."""
    row = await pool.fetchrow(statement(_COLUMNS, _ONE, "i.id = $1"), item_id)
    if row is None or scope is None:
        return row
    return row if scope.holds(row["vault_id"], row["subscription_id"]) else None


def _finds_few(filter_: ItemFilter, reach: Reach | None) -> bool:
    """Say whether so few rows fit, as a rule, that they are best found before they are sorted."""
    return bool(
        filter_.words
        or filter_.tags
        or filter_.statuses == (ItemStatus.NOT_YET_ACTIVE,)
        or (reach is not None and reach.items <= CAP)
    )


async def conditions_of(conn: Connection, filter_: ItemFilter, reach: Reach | None) -> Conditions:
    """Return what a row must be like to fit the filter, within the reach."""
    found = Conditions()
    found.add("i.deleted_at IS NULL")
    if filter_.kinds:
        found.add("i.kind = ANY (?::text[])", list(filter_.kinds))
    if filter_.statuses:
        alternatives = either((STATUS[status] for status in filter_.statuses), " OR ", "false")
        found.add(statement("(", alternatives, ")"))
    vaults: frozenset[int] | None = None
    if filter_.vault_ids or filter_.vault_names:
        named = await _vault_ids(conn, filter_.vault_names)
        vaults = frozenset([*filter_.vault_ids, *named])
    if reach is not None:
        vaults = reach.vaults if vaults is None else vaults & reach.vaults
    if vaults is not None:
        _one_of(found, _VAULT, list(vaults))
    if filter_.subscriptions:
        _one_of(found, _SUBSCRIPTION, await _subscription_ids(conn, filter_.subscriptions))
    if filter_.managed is not None:
        found.add("i.managed = ?", filter_.managed)
    for key, value in filter_.tags:
        found.add("i.tags @> ?::jsonb", {key: value})
    if filter_.words:
        query = " & ".join(f"{word}:*" for word in filter_.words)
        found.add("i.search @@ to_tsquery('simple', ?)", query)
    return found


_VAULT: Final = ("i.vault_id = ?::bigint", "i.vault_id = ANY (?::bigint[])")
_SUBSCRIPTION: Final = ("i.subscription_id = ?", "i.subscription_id = ANY (?::text[])")


def _one_of(
    found: Conditions, forms: tuple[LiteralString, LiteralString], values: list[Any]
) -> None:
    """Add an equation where there is one value: only that keeps the index's order."""
    if len(values) == 1:
        found.add(forms[0], values[0])
    else:
        found.add(forms[1], values)


async def _vault_ids(conn: Connection, names: tuple[str, ...]) -> list[int]:
    if not names:
        return []
    rows = await conn.fetch(
        "SELECT v.id FROM scanner.v_vault AS v WHERE lower(v.name) = ANY ($1)", list(names)
    )
    return [row["id"] for row in rows]


async def _subscription_ids(conn: Connection, given: tuple[str, ...]) -> list[str]:
    """Return the ids of subscriptions that were named by id or by name."""
    rows = await conn.fetch(
        """
        SELECT DISTINCT v.subscription_id AS id
          FROM scanner.v_vault AS v
         WHERE lower(v.subscription_id) = ANY ($1) OR lower(v.subscription_name) = ANY ($1)
        """,
        list(given),
    )
    return [row["id"] for row in rows]


async def _count(conn: Connection, found: Conditions) -> int:
    """Count the items that fit, but not beyond the cap."""
    count: int = await conn.fetchval(
        statement(
            "SELECT count(*) FROM (SELECT 1",
            _FROM,
            found.where(),
            COUNT_LIMIT,
            ") AS n",
        ),
        *found.arguments,
    )
    return count


async def _gathered(
    conn: Connection, found: Conditions, sort: Sort, cursor: Cursor | None, limit: int
) -> tuple[list[Row] | None, int]:
    """Read a page of few hits and their number; None instead when there are more than the cap."""
    query = Conditions([*found.parts], [*found.arguments])
    order = _ORDER[sort.key][sort.descending]
    sql = statement(
        _GATHER[sort.key], _FROM, query.where(), COUNT_LIMIT, ")",
        _PAGE_OF_HITS, _after(query, sort, cursor), order, query.bind("LIMIT ?", limit), ")",
        _COLUMNS, _HITS, _REST, order,
    )  # fmt: skip
    rows = [dict(row) for row in await conn.fetch(sql, *query.arguments)]
    hits = max((row.pop("hits") for row in rows), default=0)
    return (rows if hits <= CAP else None), hits


async def _walked(
    conn: Connection, found: Conditions, sort: Sort, cursor: Cursor | None, limit: int
) -> list[Row]:
    """Read a page along the order's index."""
    query = Conditions([*found.parts], [*found.arguments])
    order = _ORDER[sort.key][sort.descending]
    sql = statement(
        *_WALK, query.where(), "AND", _after(query, sort, cursor), order,
        query.bind("LIMIT ?", limit), ")", _COLUMNS, _REST, order,
    )  # fmt: skip
    return [dict(row) for row in await conn.fetch(sql, *query.arguments)]


def _after(query: Conditions, sort: Sort, cursor: Cursor | None) -> LiteralString:
    """Return the condition that a row comes after the cursor's."""
    if cursor is None:
        return "true"
    return query.bind(_AFTER[sort.key][sort.descending], cursor.key, int(cursor.id))


def _cursor(row: Row, sort: Sort) -> Cursor:
    return Cursor(row[sort.key], str(row["id"]))
