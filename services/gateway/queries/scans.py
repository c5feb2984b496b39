"""Scans as they are asked for, run and end, and what each vault came to."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from asyncpg import Record

from services.gateway.domain.scope import Scope
from services.gateway.queries.reach import ids, reach_of
from services.gateway.queries.sight import own_scans
from shared.database import Pool


async def list_scans(
    pool: Pool, *, before: tuple[datetime, UUID] | None, limit: int, scope: Scope | None = None
) -> list[dict[str, Any]]:
    """Return scans, newest first, also those that the scanner has not heard of yet."""
    rows = await pool.fetch(
        """
        SELECT s.id, s.mode, s.state, s.outcome, s.requested_by, s.subscription_ids, s.requested_at,
               s.started_at, s.completed_at, s.vaults, s.vaults_done, s.unreadable, s.items,
               s.added, s.changed, s.removed, s.error, s.calls, s.details_pending,
               s.selector, s.schedule_id, s.excluded
          FROM (
               SELECT v.id, v.mode, v.state, v.outcome, v.requested_by, v.subscription_ids,
                      v.requested_at, v.started_at, v.completed_at, v.vaults, v.vaults_done,
                      v.unreadable, v.items, v.added, v.changed, v.removed, v.error, v.calls,
                      v.details_pending, v.selector, v.schedule_id, v.excluded
                 FROM scanner.v_scan AS v
               UNION ALL
               SELECT r.id, r.mode, 'requested', NULL, r.requested_by, r.subscription_ids,
                      r.requested_at, NULL, NULL, 0, 0, 0, 0, 0, 0, 0, NULL,
                      '{}'::jsonb, 0, r.selector, NULL, 0
                 FROM gateway.scan_request AS r
                WHERE NOT EXISTS (SELECT 1 FROM scanner.v_scan AS v WHERE v.id = r.id)
               ) AS s
         WHERE $1::timestamptz IS NULL OR (s.requested_at, s.id) < ($1::timestamptz, $2::uuid)
         ORDER BY s.requested_at DESC, s.id DESC
         LIMIT $3
        """,
        before[0] if before else None,
        before[1] if before else None,
        limit,
    )
    return await own_scans(pool, rows, await reach_of(pool, scope))


async def get_scan(pool: Pool, scan_id: UUID, scope: Scope | None = None) -> dict[str, Any] | None:
    """Return one scan; one that was asked for here is known at once."""
    row = await _scan(pool, scan_id)
    if row is None:
        return None
    return (await own_scans(pool, [row], await reach_of(pool, scope)))[0]


async def _scan(pool: Pool, scan_id: UUID) -> Record | None:
    row = await pool.fetchrow(
        """
        SELECT s.id, s.mode, s.state, s.outcome, s.requested_by, s.subscription_ids, s.requested_at,
               s.started_at, s.completed_at, s.vaults, s.vaults_done, s.unreadable, s.items,
               s.added, s.changed, s.removed, s.error, s.calls, s.details_pending,
               s.selector, s.schedule_id, s.excluded
          FROM scanner.v_scan AS s
         WHERE s.id = $1
        """,
        scan_id,
    )
    return row or await pool.fetchrow(
        """
        SELECT r.id, r.mode, 'requested' AS state, NULL AS outcome, r.requested_by,
               r.subscription_ids, r.requested_at, NULL AS started_at, NULL AS completed_at,
               0 AS vaults, 0 AS vaults_done, 0 AS unreadable, 0 AS items, 0 AS added,
               0 AS changed, 0 AS removed, NULL AS error, '{}'::jsonb AS calls,
               0 AS details_pending, r.selector, NULL AS schedule_id, 0 AS excluded
          FROM gateway.scan_request AS r
         WHERE r.id = $1
        """,
        scan_id,
    )


async def running_scans(pool: Pool, scope: Scope | None = None) -> list[dict[str, Any]]:
    """Return the scans that have not ended, newest first."""
    rows = await pool.fetch(
        """
        SELECT s.id, s.mode, s.state, s.requested_by, s.requested_at, s.started_at, s.vaults,
               s.vaults_done, s.unreadable, s.items, s.added, s.changed, s.removed
          FROM scanner.v_scan AS s
         WHERE s.state <> 'completed'
         ORDER BY s.requested_at DESC
         LIMIT 20
        """
    )
    return await own_scans(pool, rows, await reach_of(pool, scope))


async def list_scan_vaults(
    pool: Pool, scan_id: UUID, *, after: int | None, limit: int, scope: Scope | None = None
) -> list[Record]:
    """Return what looking at each vault in one scan came to."""
    return await pool.fetch(
        """
        SELECT v.vault_id, v.vault_name, v.vault_kind, v.subscription_id, v.subscription_name,
               v.region, v.state, v.outcome, v.reason, v.remedy, v.items, v.added, v.changed,
               v.removed, v.finished_at
          FROM scanner.v_scan_vault AS v
         WHERE v.scan_id = $1 AND ($2::bigint IS NULL OR v.vault_id > $2::bigint)
           AND ($3::integer[] IS NULL OR v.vault_id = ANY ($3::integer[]))
         ORDER BY v.vault_id
         LIMIT $4
        """,
        scan_id,
        after,
        ids(await reach_of(pool, scope)),
        limit,
    )


async def progress(
    pool: Pool, scan_ids: Sequence[UUID], scope: Scope | None = None
) -> dict[str, dict[str, Any]]:
    """Return how far scans are, by id: the numbers that asking for each of them gives."""
    rows = await pool.fetch(
        """
        SELECT s.id, s.state, s.outcome, s.vaults, s.vaults_done, s.unreadable, s.items, s.added,
               s.changed, s.removed
          FROM scanner.v_scan AS s
         WHERE s.id = ANY ($1::uuid[])
        """,
        list(scan_ids),
    )
    own = await own_scans(pool, rows, await reach_of(pool, scope))
    return {str(row["id"]): row for row in own}
