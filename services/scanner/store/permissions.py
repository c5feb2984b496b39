"""The permission doctor's results, and whose turn it is to look.

Somebody's wish is an instant: a check that began after it answers it. So it does not matter whether
a request comes twice, late, or while a check is running.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from services.scanner.domain.permission_facts import Identity
from services.scanner.domain.permission_judge import Verdict
from services.scanner.domain.permission_row import Row, State
from shared.database import Connection, Pool
from shared.events.permissions import Answer

KEPT: Final = 20
BY_ITSELF: Final = "schedule"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A check that this replica may do now."""

    id: UUID
    began_at: datetime
    requested_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Last:
    """What the newest check came to."""

    began_at: datetime
    could_read_values: Answer
    excess: int
    missing: int
    unknown: int


async def want(conn: Connection, at: datetime, by: str) -> None:
    """Note that somebody waits for a check that begins after `at`; an earlier wish is in that."""
    await conn.execute(
        """
        UPDATE scanner.permission_turn SET wanted_at = least($1, now()), wanted_by = $2
        WHERE wanted_at IS NULL OR wanted_at < least($1, now())
        """,
        at,
        by,
    )


async def claim_turn(
    conn: Connection, check_id: UUID, *, every_hours: float, after_scan: bool, lease_seconds: float
) -> Turn | None:
    """Take the lease if a check is due; None while none is, or while another replica has it.

    Due is what somebody waits for, and, with `every_hours`, what was not looked at for so long;
    the first look waits for the first scan's plan if it is to come `after_scan`.
    """
    row = await conn.fetchrow(
        """
        WITH last AS (SELECT max(c.began_at) AS began_at FROM scanner.permission_check c)
        UPDATE scanner.permission_turn t
           SET holder = $1, lease_until = now() + make_interval(secs => $4)
          FROM last
         WHERE (t.lease_until IS NULL OR t.lease_until < now())
           AND (t.wanted_at > coalesce(last.began_at, '-infinity')
                OR ($2::float8 > 0
                    AND coalesce(last.began_at, '-infinity')
                        < now() - make_interval(secs => $2 * 3600)
                    AND (NOT $3::boolean OR EXISTS (
                        SELECT FROM scanner.scan s WHERE s.state <> 'requested'))))
        RETURNING now() AS began_at,
                  CASE WHEN t.wanted_at > coalesce(last.began_at, '-infinity')
                       THEN t.wanted_by ELSE $5 END AS requested_by
        """,
        check_id,
        every_hours,
        after_scan,
        lease_seconds,
        BY_ITSELF,
    )
    return Turn(id=check_id, **row) if row else None


async def renew_turn(pool: Pool, check_id: UUID, *, lease_seconds: float) -> bool:
    """Keep the lease; False when another replica has taken it."""
    renewed = await pool.fetchval(
        """
        UPDATE scanner.permission_turn SET lease_until = now() + make_interval(secs => $2)
        WHERE holder = $1 RETURNING true
        """,
        check_id,
        lease_seconds,
    )
    return renewed is True


async def end_turn(conn: Connection, check_id: UUID) -> bool:
    """Give the lease back; False when it was lost, and then nothing may be written."""
    ended = await conn.fetchval(
        """
        UPDATE scanner.permission_turn SET holder = NULL, lease_until = NULL
        WHERE holder = $1 RETURNING true
        """,
        check_id,
    )
    return ended is True


async def get_last(conn: Connection | Pool) -> Last | None:
    """Return what the newest check came to, or None before the first."""
    row = await conn.fetchrow(
        """
        SELECT c.began_at, c.could_read_values, c.excess, c.missing, c.unknown
        FROM scanner.permission_check c ORDER BY c.began_at DESC LIMIT 1
        """
    )
    if row is None:
        return None
    return Last(**{**row, "could_read_values": Answer(row["could_read_values"])})


async def save_check(
    conn: Connection, turn: Turn, identity: Identity | None, verdict: Verdict
) -> None:
    """Add a check with all its rows, and delete those that nobody will look at again."""
    await conn.execute(
        """
        INSERT INTO scanner.permission_check (
            id, began_at, requested_by, could_read_values, vaults, excess, missing, unknown,
            object_id, client_id, tenant_id)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        """,
        turn.id,
        turn.began_at,
        turn.requested_by,
        verdict.could_read_values.value,
        len(verdict.vaults),
        verdict.count(State.EXCESS),
        verdict.count(State.MISSING),
        verdict.count(State.UNKNOWN),
        identity.object_id if identity else None,
        identity.client_id if identity else None,
        identity.tenant_id if identity else None,
    )
    answers = {one.resource_id: one.could_read_values.value for one in verdict.vaults}
    await _add_rows(conn, turn.id, verdict.rows, [answers.get(row.scope) for row in verdict.rows])
    await conn.execute(
        """
        DELETE FROM scanner.permission_check c WHERE c.id IN (
            SELECT old.id FROM scanner.permission_check old
            ORDER BY old.began_at DESC OFFSET $1)
        """,
        KEPT,
    )


async def _add_rows(
    conn: Connection, check_id: UUID, rows: Sequence[Row], answers: Sequence[str | None]
) -> None:
    await conn.execute(
        """
        INSERT INTO scanner.permission (
            check_id, n, permission, scope, state, why, remedy, reads_values, vault_name,
            could_read_values)
        SELECT $1, r.n, r.permission, r.scope, r.state, r.why, r.remedy, r.reads_values,
               r.vault_name, r.could_read_values
        FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::boolean[],
                    $8::text[], $9::text[])
             WITH ORDINALITY AS r (permission, scope, state, why, remedy, reads_values,
                                   vault_name, could_read_values, n)
        """,
        check_id,
        [row.permission for row in rows],
        [row.scope for row in rows],
        [row.state.value for row in rows],
        [row.why for row in rows],
        [row.remedy for row in rows],
        [row.reads_values for row in rows],
        [row.vault_name for row in rows],
        answers,
    )
