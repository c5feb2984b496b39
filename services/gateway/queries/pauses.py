"""What holds rotations, as the rotator publishes it, and who sees and switches it."""

from asyncpg import Record

from services.gateway.domain.scope import Scope
from services.gateway.queries.reach import ids, reach_of
from shared.database import Connection, Pool


async def list_pauses(pool: Pool, scope: Scope | None) -> list[Record]:
    """Return the pauses that concern what a scope holds, the widest first.

    That of everything concerns everybody, that of a subscription whoever sees a vault of it, that
    of a credential whoever sees all secrets that hold it.
    """
    return await pool.fetch(
        """
        SELECT p.scope, p.target, p.reason, p.paused_by, p.paused_at
          FROM rotator.v_pause AS p
         WHERE $1::integer[] IS NULL
            OR p.scope = 'everything'
            OR p.scope = 'subscription' AND EXISTS (
               SELECT FROM scanner.v_vault AS v
                WHERE v.id = ANY ($1::integer[]) AND lower(v.subscription_id) = p.target)
            OR p.scope = 'credential' AND (
               SELECT bool_and((i.vault_id = ANY ($1::integer[])) IS TRUE)
                 FROM rotator.v_place AS s
                 LEFT JOIN scanner.v_item_key AS i ON i.id = (s.reference ->> 'item_id')::bigint
                WHERE s.credential_id::text = p.target)
         ORDER BY array_position(ARRAY['everything', 'subscription', 'credential'], p.scope),
                  p.target
        """,
        ids(await reach_of(pool, scope)),
    )


async def subscription_in(
    conn: Connection, subscription_id: str, scope: Scope | None
) -> tuple[bool, bool]:
    """Say whether some of a subscription is in scope, and whether all of it is."""
    row = await conn.fetchrow(
        """
        SELECT EXISTS (SELECT FROM scanner.v_subscription AS s WHERE lower(s.id) = $1) AS known,
               coalesce(bool_or(v.id = ANY ($2::integer[])), false) AS some,
               coalesce(bool_and(v.id = ANY ($2::integer[])), false) AS every
          FROM scanner.v_vault AS v
         WHERE lower(v.subscription_id) = $1 AND v.deleted_at IS NULL
        """,
        subscription_id,
        ids(await reach_of(conn, scope)),
    )
    if row is None or not row["known"]:
        return False, False
    return (True, True) if scope is None else (row["some"], row["every"])
