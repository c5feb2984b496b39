"""Items and the change feed: only rows that differ are written, none for being seen."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import orjson

from services.scanner.domain.changes import Change
from services.scanner.domain.inventory import Item
from services.scanner.domain.status import LATEST, Thresholds, Windows
from services.scanner.store.rows import COLUMNS, to_columns, to_item, to_row
from shared.database import Connection

_COPIED: Final = ("vault_id", "subscription_id", *COLUMNS)
_SOURCE: Final = f"""
    unnest(
        $2::text[], $3::text[], $4::text[], $5::boolean[], $6::timestamptz[],
        $7::timestamptz[], $8::timestamptz[], $9::timestamptz[], $10::timestamptz[],
        $11::timestamptz[], $12::timestamptz[], $13::text[], $14::jsonb[], $15::text[],
        $16::integer[], $17::boolean[], $18::text[], $19::text[], $20::text[], $21::text[],
        $22::text[]
    ) AS s ({", ".join(COLUMNS)})
"""
_UPDATE: Final = f"""
    UPDATE scanner.item AS i
       SET name = s.name, enabled = s.enabled, created_on = s.created_on,
           updated_on = s.updated_on, not_before = s.not_before, expires_on = s.expires_on,
           warning_at = s.warning_at, critical_at = s.critical_at, look_at = s.look_at,
           content_type = s.content_type, tags = s.tags, recovery_level = s.recovery_level,
           recoverable_days = s.recoverable_days, managed = s.managed, version = s.version,
           thumbprint = s.thumbprint, application_object_id = s.application_object_id,
           application_id = s.application_id, application_name = s.application_name,
           changed_at = now(), deleted_at = NULL
    FROM {_SOURCE}
    WHERE i.vault_id = $1 AND i.external_id = s.external_id
"""  # noqa: S608 - put together from the constant above


@dataclass(frozen=True, slots=True)
class Known:
    """An item as the inventory holds it; `gone` when it is marked removed."""

    item: Item
    windows: Windows | None
    gone: bool
    item_id: int


@dataclass(frozen=True, slots=True)
class Span:
    """Entries of the change feed: how many, the first and the last id."""

    entries: int = 0
    first: int | None = None
    last: int | None = None

    def __add__(self, other: "Span") -> "Span":
        """Join two spans that were written one after the other."""
        firsts = [end for end in (self.first, other.first) if end is not None]
        lasts = [end for end in (self.last, other.last) if end is not None]
        entries = self.entries + other.entries
        return Span(entries, min(firsts, default=None), max(lasts, default=None))


NOTHING: Final = Span()


async def list_known(
    conn: Connection, vault_id: int, external_ids: Sequence[str]
) -> dict[str, Known]:
    """Return what the inventory holds of these items, removed ones included."""
    rows = await conn.fetch(
        """
        SELECT i.id, i.kind, i.external_id, i.name, i.enabled, i.created_on, i.updated_on,
               i.not_before, i.expires_on, i.warning_at, i.critical_at, i.content_type, i.tags,
               i.recovery_level, i.recoverable_days, i.managed, i.version, i.thumbprint,
               i.application_object_id, i.application_id, i.application_name,
               i.deleted_at IS NOT NULL AS gone
        FROM scanner.item i
        WHERE i.vault_id = $1 AND i.external_id = ANY ($2::text[])
        """,
        vault_id,
        external_ids,
    )
    return {
        row["external_id"]: Known(
            to_item(row),
            Windows(row["warning_at"], row["critical_at"]) if row["warning_at"] else None,
            row["gone"],
            row["id"],
        )
        for row in rows
    }


async def add_items(
    conn: Connection,
    vault_id: int,
    subscription_id: str | None,
    items: Iterable[Item],
    thresholds: Callable[[Item], Thresholds],
) -> int:
    """Add items that were never seen; return how many. Needs the vault's lock.

    They have no entries in the change feed before `add_entries` writes these. Written in the order
    of their ends they meet most indexes in order too.
    """
    ordered = sorted(items, key=lambda item: item.expires_on or LATEST)
    rows = [(vault_id, subscription_id, *to_row(item, thresholds(item))) for item in ordered]
    if rows:
        await conn.copy_records_to_table(
            "item", schema_name="scanner", columns=_COPIED, records=rows
        )
    return len(rows)


async def add_entries(conn: Connection, scan_id: UUID, vault_id: int) -> Span:
    """Write an entry of the change feed for each item that this transaction has added."""
    row = await conn.fetchrow(
        """
        WITH noted AS (
            INSERT INTO scanner.change (scan_id, vault_id, item_id, what)
            SELECT $1, $2, i.id, 'added'
            FROM scanner.item i
            WHERE i.vault_id = $2 AND i.first_seen_at = now()
              AND i.xmin = pg_current_xact_id()::xid
            RETURNING id
        )
        SELECT count(*) AS entries, min(id) AS first, max(id) AS last FROM noted
        """,
        scan_id,
        vault_id,
    )
    return Span(row["entries"], row["first"], row["last"]) if row else NOTHING


async def update_items(
    conn: Connection,
    vault_id: int,
    items: Sequence[Item],
    thresholds: Callable[[Item], Thresholds],
) -> None:
    """Write items that are known and differ; a removed one comes back. Needs the vault's lock."""
    if not items:
        return
    await conn.execute(_UPDATE, vault_id, *to_columns(items, thresholds))


async def add_changes(
    conn: Connection, scan_id: UUID, vault_id: int, changes: Sequence[Change]
) -> Span:
    """Write entries of the change feed for items that are stored."""
    if not changes:
        return NOTHING
    row = await conn.fetchrow(
        """
        WITH noted AS (
            INSERT INTO scanner.change (scan_id, vault_id, item_id, what, fields)
            SELECT $1, $2, i.id, c.what, c.fields::jsonb
            FROM unnest($3::text[], $4::text[], $5::text[]) AS c (external_id, what, fields)
            JOIN scanner.item i ON i.vault_id = $2 AND i.external_id = c.external_id
            ORDER BY i.id
            RETURNING id
        )
        SELECT count(*) AS entries, min(id) AS first, max(id) AS last FROM noted
        """,
        scan_id,
        vault_id,
        [change.external_id for change in changes],
        [change.what.value for change in changes],
        # As text: a list in a list would be taken for an array of two dimensions.
        [orjson.dumps(change.fields).decode() for change in changes],
    )
    return Span(row["entries"], row["first"], row["last"]) if row else NOTHING


async def any_absent(conn: Connection, vault_id: int, present: Sequence[str]) -> bool:
    """Whether a listing lacks an item that is known to be there."""
    found: bool = await conn.fetchval(
        """
        SELECT EXISTS (
            SELECT FROM scanner.item i
            WHERE i.vault_id = $1 AND i.deleted_at IS NULL
              AND NOT EXISTS (
                  SELECT FROM unnest($2::text[]) AS p (external_id)
                  WHERE p.external_id = i.external_id))
        """,
        vault_id,
        present,
    )
    return found


async def remove_absent(
    conn: Connection, scan_id: UUID, vault_id: int, present: Sequence[str]
) -> Span:
    """Mark the items that a COMPLETE listing did not have as removed, with their entries."""
    row = await conn.fetchrow(
        """
        WITH gone AS (
            UPDATE scanner.item AS i
               SET deleted_at = now(), changed_at = now(), look_at = NULL
             WHERE i.vault_id = $2 AND i.deleted_at IS NULL
               AND NOT EXISTS (
                   SELECT FROM unnest($3::text[]) AS p (external_id)
                   WHERE p.external_id = i.external_id)
            RETURNING i.id
        ), noted AS (
            INSERT INTO scanner.change (scan_id, vault_id, item_id, what)
            SELECT $1, $2, g.id, 'removed' FROM gone g ORDER BY g.id
            RETURNING id
        )
        SELECT count(*) AS entries, min(id) AS first, max(id) AS last FROM noted
        """,
        scan_id,
        vault_id,
        present,
    )
    return Span(row["entries"], row["first"], row["last"]) if row else NOTHING


async def wake_siblings(conn: Connection, vault_id: int) -> None:
    """Let the sweep look again at the other credentials of applications that this write changed.

    Which one is the newest may have changed with it. Rows of this write carry this transaction's
    time and have their own instant already. No time is compared by order: a clock that has been
    ahead may have left its own times here.
    """
    await conn.execute(
        """
        UPDATE scanner.item AS i
           SET look_at = '-infinity'
         WHERE i.vault_id = $1 AND i.deleted_at IS NULL AND i.changed_at <> now()
           AND i.enabled AND NOT i.managed AND i.expires_on IS NOT NULL
           AND i.look_at IS DISTINCT FROM '-infinity'
           AND i.application_object_id IN (
               SELECT c.application_object_id FROM scanner.item c
               WHERE c.vault_id = $1 AND c.changed_at = now())
        """,
        vault_id,
    )
