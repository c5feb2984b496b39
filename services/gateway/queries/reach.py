"""A scope as the vaults that it holds now: conditions on one column, which the indexes have."""

from dataclasses import dataclass

from services.gateway.domain.scope import Scope
from shared.database import Connection, Pool


@dataclass(frozen=True, slots=True)
class Reach:
    """The vaults that may be seen, and how many items they held at the last look."""

    vaults: frozenset[int]
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


def ids(reach: Reach | None) -> list[int] | None:
    """Return the vaults as a statement's parameter; NULL there means everything."""
    return None if reach is None else list(reach.vaults)
