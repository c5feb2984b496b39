"""The orders of the inventory as pieces of statements: columns, positions, and ends."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, LiteralString

from services.gateway.domain.cursor import Cursor
from services.gateway.domain.filters import ItemStatus, Sort, SortKey
from services.gateway.queries.sql import Conditions


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One direction of one order, over rows called `i`.

    `columns` are what a place in it is made of, `key` the first of them as a cursor has it; the
    comparisons are with a place that is given as key and id.
    """

    columns: LiteralString
    key: LiteralString
    by: LiteralString
    after: LiteralString
    until: LiteralString
    from_key: LiteralString
    to_key: LiteralString


def order_of(sort: Sort) -> Order:
    """Return the pieces of an order."""
    return _ORDERS[sort.key][sort.descending]


def after(query: Conditions, order: Order, cursor: Cursor | None) -> LiteralString:
    """Return the condition that a row comes after a place; `true` for the beginning."""
    return query.bind(order.after, cursor.key, int(cursor.id)) if cursor else "true"


def until(query: Conditions, order: Order, place: Cursor | None) -> LiteralString:
    """Return the condition that a row comes no later than a place; `true` for the end."""
    return query.bind(order.until, place.key, int(place.id)) if place else "true"


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


def _pair(column: LiteralString, value: LiteralString, key: LiteralString) -> tuple[Order, Order]:
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
    )
    falling = Order(
        columns=rising.columns,
        key=key,
        by="ORDER BY i." + column + " DESC, i.id DESC",
        after=place + " < " + given,
        until=place + " >= " + given,
        from_key=rising.to_key,
        to_key=rising.from_key,
    )
    return rising, falling


_ORDERS: Final[Mapping[SortKey, tuple[Order, Order]]] = {
    SortKey.EXPIRES_ON: _pair(
        "exp_sort", "coalesce(?::timestamptz, 'infinity')", "nullif(i.exp_sort, 'infinity')"
    ),
    SortKey.NAME: _pair("name", "?::text", "i.name"),
    SortKey.CHANGED_AT: _pair("changed_at", "?::timestamptz", "i.changed_at"),
}
