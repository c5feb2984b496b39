"""The conditions of an inventory's filter, those an index can tell apart from those it cannot.

A status is a range of expiries (see the comments on `scanner.v_item`). `v_item_key` holds what
items are found by. A subscription is the vaults that it has, and so is a reader's scope.
"""

from collections.abc import Mapping
from typing import Final, LiteralString

from services.gateway.domain.filters import ItemFilter, ItemStatus
from services.gateway.queries.item_order import without_beginning
from services.gateway.queries.reach import Reach
from services.gateway.queries.sql import Conditions, either, statement

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
_DIRECTORY: Final = (
    "i.vault_id = (SELECT v.id FROM scanner.v_vault AS v WHERE v.kind = 'directory')"
)


def conditions(found: Conditions, filter_: ItemFilter, reach: Reach) -> Conditions:
    """Add what a row must be like to fit the filter, within the reach."""
    found.add("i.deleted_at IS NULL")
    return by_row(by_key(found, filter_, reach), filter_)


def by_key(
    found: Conditions, filter_: ItemFilter, reach: Reach, *, begun: bool = False
) -> Conditions:
    """Add the conditions that the indexes by expiry and by vault hold the columns of.

    `begun`: a status does not say where to begin, because a cursor does.
    """
    if filter_.statuses:
        alternatives = either((STATUS[status] for status in filter_.statuses), " OR ", "false")
        if begun:
            alternatives = without_beginning(alternatives)
        found.add(statement("(", alternatives, ")"))
    if reach.vaults is not None:
        one_of_vaults(found, reach.vaults)
    if filter_.managed is not None:
        found.add("i.managed = ?", filter_.managed)
    return found


def by_row(found: Conditions, filter_: ItemFilter) -> Conditions:
    """Add the conditions for which the row itself, or an index of its own, is read."""
    if filter_.kinds:
        found.add("i.kind = ANY (?::text[])", list(filter_.kinds))
    tags = dict(filter_.tags)
    if tags:
        found.add("i.tags @> ?::jsonb", tags)
    if len(tags) < len(set(filter_.tags)):
        found.add("false")  # no item has two values of one tag
    if filter_.words:
        query = " & ".join(f"{word}:*" for word in filter_.words)
        found.add("i.search @@ to_tsquery('simple', ?)", query)
    return found


def by_name(found: Conditions, filter_: ItemFilter) -> Conditions:
    """Add what the names that a search finds hold; more names hold it than are found.

    An application is also found by a name that is no item's.
    """
    named = found.beside()
    for word in filter_.words:
        named.add("lower(i.name) LIKE ?", f"%{word}%")  # a word has neither % nor _
    found.add(statement("(", named.where(), "OR", _DIRECTORY, ")"))
    return found


def one_of_vaults(found: Conditions, vaults: frozenset[int]) -> None:
    """Add an equation where there is one vault: only that keeps the index's order."""
    if len(vaults) == 1:
        found.add("i.vault_id = ?::integer", *vaults)
    else:
        found.add("i.vault_id = ANY (?::integer[])", sorted(vaults))
