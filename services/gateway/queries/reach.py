"""What a scope and a filter leave of the vaults: a condition on a column that indexes have."""

from dataclasses import dataclass

from services.gateway.domain.filters import ItemFilter
from services.gateway.domain.scope import Scope
from shared.database import Connection, Pool


@dataclass(frozen=True, slots=True)
class Reach:
    """The vaults that are looked in (None: all), and how many items they held at the last look."""

    vaults: frozenset[int] | None
    items: int


async def reach_of(conn: Connection | Pool, scope: Scope | None) -> Reach | None:
    """Return the scope's reach; None for everything."""
    if scope is None:
        return None
    rows = await conn.fetch(
        """
        SELECT v.id, v.items
          FROM scanner.v_vault AS v
         WHERE v.id = ANY ($1::integer[]) OR v.subscription_id = ANY ($2::text[])
        """,
        list(scope.vault_ids),
        list(scope.subscription_ids),
    )
    return Reach(frozenset(row["id"] for row in rows), sum(row["items"] for row in rows))


async def reach_of_filter(conn: Connection, filter_: ItemFilter, scope: Scope | None) -> Reach:
    """Return the vaults that a filter means, within the scope.

    Where they are all, their items are summed up only if that decides how to find a page.
    """
    named = bool(filter_.vault_ids or filter_.vault_names)
    if scope is None and not named and not filter_.subscriptions:
        if not filter_.may_be_scarce:
            return Reach(None, 0)
        items = await conn.fetchval("SELECT coalesce(sum(v.items), 0) FROM scanner.v_vault AS v")
        return Reach(None, items)
    rows = await conn.fetch(
        """
        SELECT v.id, v.items
          FROM scanner.v_vault AS v
         WHERE ($1::bigint[] IS NULL OR v.id = ANY ($1::bigint[])
                OR lower(v.name) = ANY ($2::text[]))
           AND ($3::text[] IS NULL OR lower(v.subscription_id) = ANY ($3::text[])
                OR lower(v.subscription_name) = ANY ($3::text[]))
           AND ($4::integer[] IS NULL OR v.id = ANY ($4::integer[])
                OR v.subscription_id = ANY ($5::text[]))
        """,
        list(filter_.vault_ids) if named else None,
        list(filter_.vault_names),
        list(filter_.subscriptions) or None,
        None if scope is None else list(scope.vault_ids),
        None if scope is None else list(scope.subscription_ids),
    )
    return Reach(frozenset(row["id"] for row in rows), sum(row["items"] for row in rows))


def ids(reach: Reach | None) -> list[int] | None:
    """Return the vaults as a statement's parameter; NULL there means everything."""
    return None if reach is None or reach.vaults is None else list(reach.vaults)
