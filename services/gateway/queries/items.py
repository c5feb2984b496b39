"""The inventory: pages by key, counts with a cap, single items.

What a page shows is read in two steps: which items, in order (`item_find`), and then their columns
with all joins, for these only. The second statement is always the same, so it is planned once.
"""

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from asyncpg import Record

from services.gateway.domain.cursor import Cursor
from services.gateway.domain.filters import ItemFilter
from services.gateway.domain.scope import Scope
from services.gateway.queries.item_count import total_of
from services.gateway.queries.item_find import Search, find
from services.gateway.queries.reach import reach_of_filter
from services.gateway.queries.sql import statement
from shared.database import Connection, Pool

Row: TypeAlias = dict[str, Any]

_COLUMNS: Final = (
    "SELECT i.id, i.kind, i.name, i.external_id, i.status, i.days_left, i.expires_on, i.enabled,"
    " i.not_before, i.created_on, i.updated_on, i.vault_id, i.vault_name, i.subscription_id,"
    " i.subscription_name, i.content_type, i.tags, i.recovery_level, i.recoverable_days, i.managed,"
    " i.version, i.thumbprint, i.application_id, i.application_name, i.first_seen_at, i.changed_at,"
    " i.deleted_at, i.certificate_id, i.version_count, i.enabled_old_versions,"
    " c.application_kind, c.usage"
    " FROM scanner.v_item AS i LEFT JOIN scanner.v_credential AS c ON c.item_id = i.id WHERE"
)
_ONE: Final = statement(_COLUMNS, "i.id = $1")
_SOME: Final = statement(_COLUMNS, "i.id = ANY ($1::bigint[]) AND i.deleted_at IS NULL")


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemPage:
    """Some items; `total` is counted up to the cap, on the first page only.

    `capped` says that there are more than `total`, or, where that is None, that counting them would
    have taken longer than finding the page.
    """

    rows: list[Row]
    next: Cursor | None
    total: int | None
    capped: bool


async def list_items(
    pool: Pool,
    filter_: ItemFilter,
    *,
    cursor: Cursor | None,
    limit: int,
    scope: Scope | None,
    count_all: bool = False,
) -> ItemPage:
    """Return the items that fit, in the order that was asked for, after `cursor`.

    `count_all`: count them in any case, and without the cap.
    """
    async with pool.acquire() as conn:
        reach = await reach_of_filter(conn, filter_, scope)
        search = Search(filter=filter_, reach=reach, cursor=cursor, limit=limit + 1)
        found = await find(conn, search)
        total, capped = None, False
        if cursor is None:
            total, capped = await total_of(conn, search, found, full=count_all)
        page = found.places[:limit]
        rows = await _shown(conn, [int(place.id) for place in page])
    following = page[-1] if len(found.places) > limit else None
    return ItemPage(rows=rows, next=following, total=total, capped=capped)


async def get_item(pool: Pool, item_id: int, scope: Scope | None) -> Record | None:
    """Return one item, also one that is gone; None for an unknown one and one out of scope."""
    row = await pool.fetchrow(_ONE, item_id)
    if row is None or scope is None:
        return row
    return row if scope.holds(row["vault_id"], row["subscription_id"]) else None


async def _shown(conn: Connection, item_ids: list[int]) -> list[Row]:
    """Return items as they are shown, in the order of their ids; one that went is left out."""
    rows = {row["id"]: dict(row) for row in await conn.fetch(_SOME, item_ids)}
    return [rows[item_id] for item_id in item_ids if item_id in rows]
