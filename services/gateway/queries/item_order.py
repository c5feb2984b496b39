"""The orders of the inventory as pieces of statements: columns, positions, and ends."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, LiteralString

from services.gateway.domain.cursor import Cursor
from services.gateway.domain.filters import ItemStatus, Sort, SortKey
from services.gateway.queries.sql import Conditions, statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One direction of one order, over rows called `i`.

    `columns` are what a place in it is made of, `key` the first of them as a cursor has it; the
    comparisons are with a place that is given as key and id. `endless` tells the rows that share
    the key of what never ends, if the order has them.
    """

    columns: LiteralString
    key: LiteralString
    by: LiteralString
    after: LiteralString
    until: LiteralString
    from_key: LiteralString
    to_key: LiteralString
    after_id: LiteralString
    until_id: LiteralString
    descending: bool = False
    endless: LiteralString = ""


def order_of(sort: Sort, cursor: Cursor | None) -> Order:
    """Return the pieces of an order from a cursor on.

    Of what never ends PostgreSQL sees the order by id alone, and would sort it all by both.
    """
    order = _ORDERS[sort.key][sort.descending]
    return replace(order, by="ORDER BY i.id") if _only_endless(order, cursor) else order


def after(query: Conditions, order: Order, cursor: Cursor | None) -> LiteralString:
    """Return the condition that a row comes after a place; `true` for the beginning.

    Among what never ends the id alone decides: PostgreSQL takes what comes after the greatest key
    to be nothing, and would look for it among everybody's items.
    """
    if cursor is None:
        return "true"
    if _only_endless(order, cursor):
        return statement(order.endless, "AND", query.bind(order.after_id, int(cursor.id)))
    return query.bind(order.after, cursor.key, int(cursor.id))


def _only_endless(order: Order, cursor: Cursor | None) -> bool:
    """Say whether nothing that comes after a cursor ever ends."""
    endless = cursor is not None and cursor.key is None and bool(order.endless)
    return endless and not order.descending


def until(query: Conditions, order: Order, place: Cursor | None) -> LiteralString:
    """Return the condition that a row comes no later than a place; `true` for the end."""
    return query.bind(order.until, place.key, int(place.id)) if place else "true"


def stretch_end(order: Order, begin: Cursor | None, end: Cursor | None) -> Cursor | None:
    """Return where a stretch is to end: at its end, or at the edge of what never ends before it.

    All that never ends has one key, often a tenth of the inventory: only ids divide it.
    """
    if not order.endless or _begins_endless(order, begin) == _ends_endless(order, end):
        return end
    return EDGE


def in_stretch(
    query: Conditions, order: Order, begin: Cursor | None, end: Cursor | None
) -> Conditions:
    """Return bounds of a stretch for which PostgreSQL knows how many rows they leave."""
    found = query.beside()
    if order.endless and _begins_endless(order, begin):
        found.add(order.endless)
        if begin is not None:
            found.add(order.after_id, int(begin.id))
        if end is not None:
            found.add(order.until_id, int(end.id))
        return found
    if EDGE in {begin, end}:
        found.add(_ENDS)
    if begin is not None and begin != EDGE:
        found.add(order.from_key, begin.key)
    if end is not None and end != EDGE:
        found.add(order.to_key, end.key)
    return found


def _begins_endless(order: Order, begin: Cursor | None) -> bool:
    """Say whether what comes next after a place never ends."""
    if begin is None:
        return order.descending
    return begin.key is None and not (order.descending and begin == EDGE)


def _ends_endless(order: Order, end: Cursor | None) -> bool:
    """Say whether what comes last before a place never ends."""
    if end is None:
        return not order.descending
    return end.key is None and (order.descending or end != EDGE)


def far_end(statuses: tuple[ItemStatus, ...], sort: Sort) -> LiteralString:
    """Return the bound at which a walk by expiry may stop: nothing with a status lies beyond.

    The order turned round, it is the bound at which a first page begins.
    """
    bounds = _LOWEST if sort.descending else _HIGHEST
    if sort.key is not SortKey.EXPIRES_ON or not statuses or not bounds.keys() >= set(statuses):
        return "true"
    return bounds[max(statuses, key=list(bounds).index)]


def without_beginning(condition: LiteralString) -> LiteralString:
    """Return a condition on expiries that does not say where an index is begun to be read.

    Of two lower bounds PostgreSQL may begin at the lower one, far before a page's cursor.
    """
    return condition.replace("i.exp_sort ", "greatest(i.exp_sort) ")


def zones(statuses: tuple[ItemStatus, ...]) -> tuple[LiteralString, ...]:
    """Return conditions that divide what has a status, so that each part is found at once.

    What ends within 30 days is healthy only if it is warned of late, and those have an index.
    """
    return _HEALTHY if statuses == (ItemStatus.HEALTHY,) else ("true",)


_HEALTHY: Final[tuple[LiteralString, ...]] = (
    "i.exp_sort < now() + interval '30 days' AND i.exp_sort - i.warning_at < interval '30 days'",
    "i.exp_sort >= now() + interval '30 days'",
)
# From the narrowest to the widest.
_HIGHEST: Final[Mapping[ItemStatus, LiteralString]] = {
    ItemStatus.EXPIRED: "i.exp_sort <= now()",
    ItemStatus.CRITICAL: "i.exp_sort < now() + interval '30 days'",
    ItemStatus.WARNING: "i.exp_sort < now() + interval '90 days'",
    ItemStatus.HEALTHY: "i.exp_sort < 'infinity'",
}
_LOWEST: Final[Mapping[ItemStatus, LiteralString]] = {
    ItemStatus.NO_EXPIRY: "i.exp_sort >= 'infinity'",
    ItemStatus.HEALTHY: "i.exp_sort > now()",
    ItemStatus.WARNING: "i.exp_sort > now()",
    ItemStatus.CRITICAL: "i.exp_sort > now()",
}


# The place between what ends some day and what never does: ids begin at 1.
EDGE: Final = Cursor(None, "0")
_ENDS: Final = "i.exp_sort < 'infinity'"


def _pair(
    column: LiteralString, value: LiteralString, key: LiteralString, endless: LiteralString = ""
) -> tuple[Order, Order]:
    """Return both directions of the order by a column."""
    place: LiteralString = "(i." + column + ", i.id)"
    given: LiteralString = "(" + value + ", ?::bigint)"
    rising = Order(
        columns="i.id, i." + column,
        key=key,
        by="ORDER BY i." + column + ", i.id",
        after=place + " > " + given,
        until=place + " <= " + given,
        from_key="i." + column + " >= " + value,
        to_key="i." + column + " <= " + value,
        after_id="i.id > ?::bigint",
        until_id="i.id <= ?::bigint",
        endless=endless,
    )
    falling = Order(
        columns=rising.columns,
        key=key,
        by="ORDER BY i." + column + " DESC, i.id DESC",
        after=place + " < " + given,
        until=place + " >= " + given,
        from_key=rising.to_key,
        to_key=rising.from_key,
        after_id="i.id < ?::bigint",
        until_id="i.id >= ?::bigint",
        endless=endless,
        descending=True,
    )
    return rising, falling


_ORDERS: Final[Mapping[SortKey, tuple[Order, Order]]] = {
    SortKey.EXPIRES_ON: _pair(
        "exp_sort",
        "coalesce(?::timestamptz, 'infinity')",
        "nullif(i.exp_sort, 'infinity')",
        endless="i.exp_sort = 'infinity'",
    ),
    SortKey.NAME: _pair("name", "?::text", "i.name"),
    SortKey.CHANGED_AT: _pair("changed_at", "?::timestamptz", "i.changed_at"),
}
