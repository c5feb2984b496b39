"""Keyset pages of the shorter lists: changes, vaults, alerts, the outbox."""

from datetime import datetime
from uuid import UUID

from asyncpg import Record

from services.gateway.domain.scope import Scope
from services.gateway.queries.reach import ids, reach_of
from shared.database import Pool


async def list_changes(
    pool: Pool,
    *,
    before: int | None,
    limit: int,
    item_id: int | None = None,
    vault_id: int | None = None,
    scan_id: UUID | None = None,
    scope: Scope | None = None,
) -> list[Record]:
    """Return what changed, newest first."""
    reach = await reach_of(pool, scope)
    return await pool.fetch(
        """
        SELECT c.id, c.at, c.scan_id, c.item_id, c.vault_id, c.kind, c.name, c.what, c.fields
          FROM scanner.v_change AS c
         WHERE ($1::bigint IS NULL OR c.id < $1::bigint)
           AND ($2::bigint IS NULL OR c.item_id = $2::bigint)
           AND ($3::integer IS NULL OR c.vault_id = $3::integer)
           AND ($4::uuid IS NULL OR c.scan_id = $4::uuid)
           AND ($5::integer[] IS NULL OR c.vault_id = ANY ($5::integer[]))
         ORDER BY c.id DESC
         LIMIT $6
        """,
        before,
        item_id,
        vault_id,
        scan_id,
        ids(reach),
        limit,
    )


async def list_vaults(
    pool: Pool,
    *,
    after: int | None,
    limit: int,
    subscription: str | None = None,
    readable: bool | None = None,
    q: str | None = None,
    scope: Scope | None = None,
) -> list[Record]:
    """Return the vaults and the directory; `readable` False: those that were not."""
    reach = await reach_of(pool, scope)
    return await pool.fetch(
        """
        SELECT v.id, v.kind, v.name, v.uri, v.resource_id, v.subscription_id, v.subscription_name,
               v.resource_group, v.region, v.sku, v.tags, v.rbac, v.outcome, v.outcome_reason,
               v.outcome_remedy, v.last_scanned_at, v.last_complete_at, v.items, s.excluded_at
          FROM scanner.v_vault AS v
          LEFT JOIN scanner.v_vault_scope AS s ON s.id = v.id
         WHERE v.deleted_at IS NULL
           AND ($1::bigint IS NULL OR v.id > $1::bigint)
           AND ($2::text IS NULL OR lower(v.subscription_id) = lower($2)
                OR lower(v.subscription_name) = lower($2))
           AND ($3::boolean IS NULL OR (v.outcome = 'ok') IS NOT DISTINCT FROM $3)
           AND ($4::text IS NULL OR starts_with(lower(v.name), lower($4)))
           AND ($5::integer[] IS NULL OR v.id = ANY ($5::integer[]))
         ORDER BY v.id
         LIMIT $6
        """,
        after,
        subscription,
        readable,
        q,
        ids(reach),
        limit,
    )


async def list_alerts(
    pool: Pool,
    *,
    state: str | None,
    before: tuple[datetime, UUID] | None,
    limit: int,
    scope: Scope | None = None,
) -> list[Record]:
    """Return alerts, newest first."""
    reach = await reach_of(pool, scope)
    return await pool.fetch(
        """
        SELECT a.id, a.alert_type, a.state, a.severity, a.title, a.text, a.link, a.item_id, a.kind,
               a.name, a.container, a.subscription_id, a.expires_on, a.threshold_days, a.raised_at,
               a.escalated_at, a.resolved_at, a.evidence
          FROM alerting.v_alert AS a
         WHERE ($1::text IS NULL OR a.state = $1)
           AND ($2::timestamptz IS NULL OR (a.raised_at, a.id) < ($2::timestamptz, $3::uuid))
           AND ($4::integer[] IS NULL OR EXISTS (
               SELECT FROM scanner.v_item_key AS i
                WHERE i.id = a.item_id AND i.vault_id = ANY ($4::integer[])))
         ORDER BY a.raised_at DESC, a.id DESC
         LIMIT $5
        """,
        state,
        before[0] if before else None,
        before[1] if before else None,
        ids(reach),
        limit,
    )


async def list_outbox(
    pool: Pool, *, before: int | None, limit: int, scope: Scope | None = None
) -> list[Record]:
    """Return the messages of the built-in outbox, newest first."""
    reach = await reach_of(pool, scope)
    return await pool.fetch(
        """
        SELECT o.id, o.alert_id, o.channel, o.reason, o.severity, o.title, o.text, o.link,
               o.delivered_at
          FROM alerting.v_outbox AS o
         WHERE ($1::bigint IS NULL OR o.id < $1::bigint)
           AND ($2::integer[] IS NULL OR EXISTS (
               SELECT FROM alerting.v_alert AS a
                 JOIN scanner.v_item_key AS i ON i.id = a.item_id
                WHERE a.id = o.alert_id AND i.vault_id = ANY ($2::integer[])))
         ORDER BY o.id DESC
         LIMIT $3
        """,
        before,
        ids(reach),
        limit,
    )
