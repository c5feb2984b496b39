"""One vault: its settings, its grants, and what changed of its settings."""

from asyncpg import Record

from services.gateway.domain.scope import Scope
from shared.database import Pool


async def get_vault(pool: Pool, vault_id: int, scope: Scope | None) -> Record | None:
    """Return one vault, also one that is gone; None for an unknown one and one out of scope."""
    row = await pool.fetchrow(
        """
        SELECT v.id, v.kind, v.name, v.uri, v.resource_id, v.subscription_id, v.subscription_name,
               v.resource_group, v.region, v.sku, v.tags, v.rbac, v.outcome, v.outcome_reason,
               v.outcome_remedy, v.last_scanned_at, v.last_complete_at, v.items, v.deleted_at,
               v.configuration, v.configuration_outcome, v.configuration_reason, v.grants_outcome,
               v.grants_reason, v.grants_remedy, v.grants_listed_at, v.diagnostics,
               v.diagnostics_outcome, v.diagnostics_reason, v.diagnostics_remedy,
               v.diagnostics_read_at, s.excluded_at
          FROM scanner.v_vault AS v
          LEFT JOIN scanner.v_vault_scope AS s ON s.id = v.id
         WHERE v.id = $1
        """,
        vault_id,
    )
    if row is None or scope is None or scope.holds(row["id"], row["subscription_id"]):
        return row
    return None


async def list_grants(pool: Pool, vault_id: int, *, limit: int) -> list[Record]:
    """Return who may do what in a vault, those who read values first."""
    return await pool.fetch(
        """
        SELECT g.how, g.grant_id, g.principal_id, g.principal_type, g.application_id, g.role_id,
               g.role_name, g.role_custom, g.scope, g.scope_level, g.what, g.reads_values,
               g.conditional
          FROM scanner.v_vault_grant AS g
         WHERE g.vault_id = $1
         ORDER BY g.reads_values DESC NULLS FIRST, g.scope, g.principal_id, g.grant_id,
                  g.application_id
         LIMIT $2
        """,
        vault_id,
        limit,
    )


async def list_vault_changes(
    pool: Pool, vault_id: int, *, before: int | None, limit: int
) -> list[Record]:
    """Return what changed in a vault's settings, newest first."""
    return await pool.fetch(
        """
        SELECT c.id, c.at, c.scan_id, c.vault_id, c.field, c.before, c.after
          FROM scanner.v_vault_change AS c
         WHERE c.vault_id = $1 AND ($2::bigint IS NULL OR c.id < $2::bigint)
         ORDER BY c.id DESC
         LIMIT $3
        """,
        vault_id,
        before,
        limit,
    )
