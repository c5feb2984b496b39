"""What the expiry sweep has to look at, and which steps of which expiry were announced."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.scanner.domain.inventory import Item
from services.scanner.store.rows import to_item
from shared.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """An item that the sweep has to look at, with all that a decision needs."""

    item_id: int
    item: Item
    container: str
    subscription_id: str | None
    siblings: tuple[Item, ...]
    recorded: frozenset[int]


async def list_due(conn: Connection, now: datetime, *, limit: int) -> list[Due]:
    """Return items whose time has come, the longest overdue first; others skip them meanwhile."""
    rows = await conn.fetch(
        """
        SELECT i.id, i.kind, i.external_id, i.name, i.enabled, i.created_on, i.updated_on,
               i.not_before, i.expires_on, i.content_type, i.tags, i.recovery_level,
               i.recoverable_days, i.managed, i.version, i.thumbprint, i.application_object_id,
               i.application_id, i.application_name, i.subscription_id,
               coalesce(i.application_name, v.name) AS container
        FROM scanner.item i JOIN scanner.vault v ON v.id = i.vault_id
        WHERE i.look_at <= $1 AND i.deleted_at IS NULL
        ORDER BY i.look_at, i.id
        LIMIT $2
        FOR NO KEY UPDATE OF i SKIP LOCKED
        """,
        now,
        limit,
    )
    ids = [row["id"] for row in rows]
    siblings = await _siblings(conn, ids)
    recorded = await _recorded(conn, ids)
    return [
        Due(
            item_id=row["id"],
            item=to_item(row),
            container=row["container"],
            subscription_id=row["subscription_id"],
            siblings=tuple(siblings.get(row["id"], ())),
            recorded=frozenset(recorded.get(row["id"], ())),
        )
        for row in rows
    ]


async def _siblings(conn: Connection, item_ids: Sequence[int]) -> dict[int, list[Item]]:
    """Return the live credentials of the same application, kind and name, for each item."""
    rows = await conn.fetch(
        """
        SELECT i.id AS of_item, o.kind, o.external_id, o.name, o.enabled, o.created_on,
               o.updated_on, o.not_before, o.expires_on, o.content_type, o.tags, o.recovery_level,
               o.recoverable_days, o.managed, o.version, o.thumbprint, o.application_object_id,
               o.application_id, o.application_name
        FROM scanner.item i
        JOIN scanner.item o
          ON o.application_object_id = i.application_object_id AND o.kind = i.kind
         AND o.name = i.name AND o.deleted_at IS NULL
        WHERE i.id = ANY ($1::bigint[])
        """,
        item_ids,
    )
    found: dict[int, list[Item]] = {}
    for row in rows:
        found.setdefault(row["of_item"], []).append(to_item(row))
    return found


async def _recorded(conn: Connection, item_ids: Sequence[int]) -> dict[int, list[int]]:
    rows = await conn.fetch(
        """
        SELECT a.item_id, a.threshold_days
        FROM scanner.announcement a
        JOIN scanner.item i ON i.id = a.item_id AND i.expires_on = a.expires_on
        WHERE a.item_id = ANY ($1::bigint[])
        """,
        item_ids,
    )
    found: dict[int, list[int]] = {}
    for row in rows:
        found.setdefault(row["item_id"], []).append(row["threshold_days"])
    return found


async def add_steps(conn: Connection, due: Due, *, announced: int, passed: Sequence[int]) -> bool:
    """Record the step to announce and those passed; False when it was announced before.

    The primary key decides, so two sweeps with whatever clocks never announce a step twice.
    """
    rows = await conn.fetch(
        """
        INSERT INTO scanner.announcement (item_id, expires_on, threshold_days, announced)
        SELECT $1, $2, s.threshold_days, s.threshold_days = $3
        FROM unnest($4::integer[]) AS s (threshold_days)
        ON CONFLICT (item_id, expires_on, threshold_days) DO NOTHING
        RETURNING announced
        """,
        due.item_id,
        due.item.expires_on,
        announced,
        [announced, *passed],
    )
    return any(row["announced"] for row in rows)


async def save_looks(conn: Connection, looks: Sequence[tuple[int, datetime | None]]) -> None:
    """Set when the sweep looks at items again."""
    await conn.execute(
        """
        UPDATE scanner.item AS i SET look_at = s.look_at
        FROM unnest($1::bigint[], $2::timestamptz[]) AS s (id, look_at)
        WHERE i.id = s.id
        """,
        [item_id for item_id, _ in looks],
        [look_at for _, look_at in looks],
    )
