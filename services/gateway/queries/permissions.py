"""What the permission doctor found out about the identity that discovers."""

from collections.abc import Sequence
from typing import Any

from asyncpg import Record

from shared.database import Pool


async def get_last_check(pool: Pool) -> dict[str, Any] | None:
    """Return the newest check, or None before the first."""
    row = await pool.fetchrow(
        """
        SELECT c.id, c.began_at, c.finished_at, c.requested_by, c.could_read_values, c.vaults,
               c.excess, c.missing, c.unknown, c.object_id, c.client_id, c.tenant_id
          FROM scanner.v_permission_check AS c
         ORDER BY c.began_at DESC
         LIMIT 1
        """
    )
    return dict(row) if row else None


async def list_permissions(
    pool: Pool, check_id: object, *, states: Sequence[str], after: int | None, limit: int
) -> list[Record]:
    """Return a check's rows, the worst first; no state means all."""
    return await pool.fetch(
        """
        SELECT p.n, p.permission, p.scope, p.state, p.why, p.remedy, p.reads_values, p.vault_name,
               p.could_read_values
          FROM scanner.v_permission AS p
         WHERE p.check_id = $1 AND p.n > coalesce($2::integer, 0)
           AND (cardinality($3::text[]) = 0 OR p.state = ANY ($3::text[]))
         ORDER BY p.n
         LIMIT $4
        """,
        check_id,
        after,
        list(states),
        limit,
    )
