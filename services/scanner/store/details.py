"""Details and versions: what is to be read, what is known, and what a reading told."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import asyncpg

from services.scanner.domain.detail import Detail, Version
from services.scanner.domain.enrichment import Ages, Problem, Summary
from services.scanner.domain.inventory import Item, ItemKind
from services.scanner.store.documents import to_document, to_parts
from shared.database import Connection

# Another listing than the one that the details were read for.
IS_OTHER: Final = """
    (i.created_on, i.updated_on, i.expires_on, i.enabled, i.thumbprint)
    IS DISTINCT FROM (d.seen_created_on, d.seen_updated_on, d.seen_expires_on, d.seen_enabled,
                      d.seen_thumbprint)
"""
# Everything was read, and no operation is under way that ends without touching the item.
IS_FINAL: Final = """
    CASE WHEN i.kind = 'certificate'
         THEN d.outcome = 'ok' AND d.facts #>> '{operation,status}' IS DISTINCT FROM 'inProgress'
         ELSE d.outcome = 'ok' END
"""
_DUE: Final = (
    """
        FROM scanner.item i LEFT JOIN scanner.item_detail d ON d.item_id = i.id
        WHERE i.vault_id = $1 AND i.deleted_at IS NULL AND NOT i.managed
          AND i.kind IN ('secret', 'key', 'certificate')
          AND (d.item_id IS NULL OR (d.read_at < $2 AND (
              $3 OR NOT d.settled
              OR d.read_at < CASE WHEN """
    + IS_FINAL
    + """ THEN $4::timestamptz ELSE $5::timestamptz END
              OR """
    + IS_OTHER
    + ")))"
)
_LIST_DUE: Final = (
    "SELECT i.id, i.kind, i.external_id, i.name, i.enabled, i.created_on, i.updated_on,"
    " i.not_before, i.expires_on, i.thumbprint"
    + _DUE
    + " ORDER BY d.read_at NULLS FIRST, i.id LIMIT $6"
)
_COUNT_DUE: Final = "SELECT count(*)" + _DUE


@dataclass(frozen=True, slots=True)
class Due:
    """An item whose details are to be read, as its listing showed it."""

    item_id: int
    item: Item


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What is known of an item after a reading that began at `began_at`."""

    due: Due
    began_at: datetime
    detail: Detail
    summary: Summary
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """What the inventory holds of an item's details, from a reading that began at `read_at`."""

    detail: Detail
    summary: Summary
    read_at: datetime


async def list_due(
    conn: Connection, vault_id: int, begun: datetime, age: Ages, *, limit: int
) -> list[Due]:
    """Return a vault's items to be read in a scan that was begun then; what was tried is not."""
    arguments = (vault_id, begun, age.everything, age.read, age.refused)
    return [_due(row) for row in await conn.fetch(_LIST_DUE, *arguments, limit)]


async def count_due(conn: Connection, vault_id: int, begun: datetime, age: Ages) -> int:
    """Return how many of a vault's items are still to be read."""
    arguments = (vault_id, begun, age.everything, age.read, age.refused)
    count: int = await conn.fetchval(_COUNT_DUE, *arguments)
    return count


async def list_kept(conn: Connection, item_ids: Sequence[int]) -> dict[int, Kept]:
    """Return what is known of these items, by their ids."""
    rows = await conn.fetch(
        """
        SELECT d.item_id, d.read_at, d.version, d.version_count, d.enabled_old_versions, d.facts
        FROM scanner.item_detail d WHERE d.item_id = ANY ($1::bigint[])
        """,
        item_ids,
    )
    versions = await _list_versions(conn, item_ids)
    return {
        row["item_id"]: Kept(
            Detail(
                versions=None if row["version_count"] is None else versions[row["item_id"]],
                parts=to_parts(row["facts"]),
            ),
            Summary(row["version"], row["version_count"], row["enabled_old_versions"]),
            row["read_at"],
        )
        for row in rows
    }


async def save(conn: Connection, findings: Sequence[Finding]) -> None:
    """Write what readings told. Needs the vault's lock."""
    await conn.executemany(
        """
        INSERT INTO scanner.item_detail AS d (
            item_id, outcome, reason, remedy, read_at, complete_at, settled, seen_created_on,
            seen_updated_on, seen_expires_on, seen_enabled, seen_thumbprint, version,
            version_count, enabled_old_versions, facts)
        VALUES ($1, $2::text, $3, $4, $5::timestamptz,
                CASE $2::text WHEN 'ok' THEN $5::timestamptz END, $6, $7, $8, $9, $10, $11, $12,
                $13, $14, $15)
        ON CONFLICT (item_id) DO UPDATE SET
            outcome = excluded.outcome, reason = excluded.reason, remedy = excluded.remedy,
            read_at = excluded.read_at,
            complete_at = coalesce(excluded.complete_at, d.complete_at),
            settled = excluded.settled, seen_created_on = excluded.seen_created_on,
            seen_updated_on = excluded.seen_updated_on, seen_expires_on = excluded.seen_expires_on,
            seen_enabled = excluded.seen_enabled, seen_thumbprint = excluded.seen_thumbprint,
            version = excluded.version, version_count = excluded.version_count,
            enabled_old_versions = excluded.enabled_old_versions, facts = excluded.facts
        """,
        [_row(finding) for finding in findings],
    )
    await _save_versions(conn, findings)


def _row(finding: Finding) -> tuple[object, ...]:
    item, problem, summary = finding.due.item, finding.problem, finding.summary
    return (
        finding.due.item_id,
        problem.outcome.value if problem else "ok",
        problem.reason if problem else None,
        problem.remedy if problem else None,
        finding.began_at,
        problem.settled if problem else True,
        item.created_on,
        item.updated_on,
        item.expires_on,
        item.enabled,
        item.thumbprint,
        summary.current,
        summary.count,
        summary.enabled_old,
        to_document(finding.detail.parts),
    )


async def _list_versions(
    conn: Connection, item_ids: Sequence[int]
) -> dict[int, tuple[Version, ...]]:
    rows = await conn.fetch(
        """
        SELECT v.item_id, v.version_id, v.enabled, v.created_on, v.updated_on, v.not_before,
               v.expires_on
        FROM scanner.version v WHERE v.item_id = ANY ($1::bigint[])
        ORDER BY v.item_id, v.version_id
        """,
        item_ids,
    )
    found: dict[int, tuple[Version, ...]] = dict.fromkeys(item_ids, ())
    for row in rows:
        given = dict(row)
        item_id, version_id = given.pop("item_id"), given.pop("version_id")
        found[item_id] += (Version(id=version_id, **given),)
    return found


async def _save_versions(conn: Connection, findings: Sequence[Finding]) -> None:
    """Write the versions that differ, and forget those that are no longer listed."""
    listed = [one for one in findings if one.detail.versions is not None]
    rows = [(one.due.item_id, version) for one in listed for version in one.detail.versions or ()]
    columns = _version_columns(rows)
    await conn.execute(
        """
        DELETE FROM scanner.version v
        WHERE v.item_id = ANY ($1::bigint[]) AND NOT EXISTS (
            SELECT FROM unnest($2::bigint[], $3::text[]) AS s (item_id, version_id)
            WHERE s.item_id = v.item_id AND s.version_id = v.version_id)
        """,
        [one.due.item_id for one in listed],
        *columns[:2],
    )
    await conn.execute(
        """
        INSERT INTO scanner.version AS v (
            item_id, version_id, enabled, created_on, updated_on, not_before, expires_on)
        SELECT s.item_id, s.version_id, s.enabled, s.created_on, s.updated_on, s.not_before,
               s.expires_on
        FROM unnest($1::bigint[], $2::text[], $3::boolean[], $4::timestamptz[], $5::timestamptz[],
                    $6::timestamptz[], $7::timestamptz[]) AS s (
            item_id, version_id, enabled, created_on, updated_on, not_before, expires_on)
        ON CONFLICT (item_id, version_id) DO UPDATE SET
            enabled = excluded.enabled, created_on = excluded.created_on,
            updated_on = excluded.updated_on, not_before = excluded.not_before,
            expires_on = excluded.expires_on
        WHERE (v.enabled, v.created_on, v.updated_on, v.not_before, v.expires_on)
              IS DISTINCT FROM (excluded.enabled, excluded.created_on, excluded.updated_on,
                                excluded.not_before, excluded.expires_on)
        """,
        *columns,
    )


def _version_columns(rows: Sequence[tuple[int, Version]]) -> list[list[Any]]:
    return [
        [item_id for item_id, _ in rows],
        [version.id for _, version in rows],
        [version.enabled for _, version in rows],
        [version.created_on for _, version in rows],
        [version.updated_on for _, version in rows],
        [version.not_before for _, version in rows],
        [version.expires_on for _, version in rows],
    ]


def _due(row: asyncpg.Record) -> Due:
    given = dict(row)
    item_id, kind = given.pop("id"), ItemKind(given.pop("kind"))
    return Due(item_id, Item(kind=kind, **given))
