"""What the expiry sweep has to look at, and which steps of which expiry were announced."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.scanner.domain.inventory import Item
from services.scanner.domain.rule import Place
from services.scanner.store.locks import lock_vault
from services.scanner.store.rows import to_item
from shared.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """An item that the sweep has to look at, with all that a decision needs."""

    item_id: int
    item: Item
    container: str
    place: Place
    siblings: tuple[Item, ...]
    recorded: frozenset[int]


async def list_due(conn: Connection, now: datetime, *, limit: int) -> list[Due]:
    """Return items whose time has come, the longest overdue first; others skip them meanwhile."""
    rows = await conn.fetch(
        """
        SELECT i.id, i.kind, i.external_id, i.name, i.enabled, i.created_on, i.updated_on,
               i.not_before, i.expires_on, i.content_type, i.tags, i.recovery_level,
               i.recoverable_days, i.managed, i.version, i.thumbprint, i.application_object_id,
               i.application_id, i.application_name, i.subscription_id, i.vault_id,
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
            item=(item := to_item(row)),
            container=row["container"],
            place=Place(
                subscription_id=row["subscription_id"],
                vault_id=row["vault_id"],
                item_id=row["id"],
                tags=item.tags,
            ),
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
    """Return the steps of each item's present expiry, and of siblings that end at the same time.

    Of siblings that are gone too: people were told of that end.
    """
    rows = await conn.fetch(
        """
        SELECT i.id AS item_id, a.threshold_days
        FROM scanner.item i
        JOIN scanner.announcement a ON a.item_id = i.id AND a.expires_on = i.expires_on
        WHERE i.id = ANY ($1::bigint[])
        UNION
        SELECT i.id, a.threshold_days
        FROM scanner.item i
        JOIN scanner.item o
          ON o.application_object_id = i.application_object_id AND o.kind = i.kind
         AND o.name = i.name
        JOIN scanner.announcement a ON a.item_id = o.id AND a.expires_on = i.expires_on
        WHERE i.id = ANY ($1::bigint[])
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


async def note_clock(conn: Connection, now: datetime) -> bool:
    """Remember the moment by which this sweep judges; True when the last one's was later."""
    went_back: bool = await conn.fetchval(
        """
        WITH before AS (SELECT c.swept_at FROM scanner.sweep_clock c),
        noted AS (
            INSERT INTO scanner.sweep_clock AS c (swept_at) VALUES ($1)
            ON CONFLICT (only_one) DO UPDATE SET swept_at = excluded.swept_at)
        SELECT coalesce((SELECT b.swept_at > $1 FROM before b), false)
        """,
        now,
    )
    return went_back


async def wake_superseded(conn: Connection) -> None:
    """Let the sweep look again at every application's credentials, after a clock went back.

    A successor that had begun by that clock has not begun yet, so its predecessor counts again.
    Takes the directory's lock, so that nobody else writes these rows meanwhile.
    """
    directory = await conn.fetchval("SELECT v.id FROM scanner.vault v WHERE v.kind = 'directory'")
    if directory is None:
        return
    await lock_vault(conn, directory)
    await conn.execute(
        """
        UPDATE scanner.item SET look_at = '-infinity'
        WHERE vault_id = $1 AND deleted_at IS NULL AND enabled AND NOT managed
          AND expires_on IS NOT NULL
        """,
        directory,
    )
