"""Requests that need a second person."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from services.gateway.domain.approval import Act, Approval, Decision
from shared.database import Connection, Pool

_APPROVAL: Final = """
    SELECT a.id, a.act, a.plan, a.plan_hash, a.reason, a.requested_by, r.username AS requester,
           a.requested_at, a.expires_at, a.decision, d.username AS decider, a.decided_at,
           a.decision_reason, a.used_at
      FROM gateway.approval AS a
      JOIN gateway.app_user AS r ON r.id = a.requested_by
 LEFT JOIN gateway.app_user AS d ON d.id = a.decided_by
"""


async def add_approval(
    conn: Connection,
    *,
    act: Act,
    plan: Mapping[str, Any],
    plan_hash: bytes,
    reason: str,
    user_id: UUID,
    at: datetime,
    expires_at: datetime,
) -> UUID:
    """Add a request and return its id."""
    approval_id: UUID = await conn.fetchval(
        """
        INSERT INTO gateway.approval (
               act, plan, plan_hash, reason, requested_by, requested_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        RETURNING id
        """,
        act,
        dict(plan),
        plan_hash,
        reason,
        user_id,
        at,
        expires_at,
    )
    return approval_id


async def get_approval(pool: Pool, approval_id: UUID) -> Approval | None:
    row = await pool.fetchrow(_APPROVAL + " WHERE a.id = $1", approval_id)
    return _approval(dict(row)) if row else None


async def lock_approval(conn: Connection, approval_id: UUID) -> Approval | None:
    """Return a request, locked until the transaction ends: it is decided and used once."""
    row = await conn.fetchrow(_APPROVAL + " WHERE a.id = $1 FOR UPDATE OF a", approval_id)
    return _approval(dict(row)) if row else None


async def list_approvals(pool: Pool, *, open_at: datetime | None, limit: int) -> list[Approval]:
    """Return requests, the newest first; `open_at`: only those that were undecided then."""
    rows = await pool.fetch(
        _APPROVAL
        + """
        WHERE $1::timestamptz IS NULL OR (a.decision IS NULL AND a.expires_at > $1)
        ORDER BY a.requested_at DESC, a.id
        LIMIT $2
        """,
        open_at,
        limit,
    )
    return [_approval(dict(row)) for row in rows]


async def decide(
    conn: Connection,
    approval_id: UUID,
    decision: Decision,
    *,
    user_id: UUID,
    reason: str,
    at: datetime,
) -> None:
    await conn.execute(
        """
        UPDATE gateway.approval
           SET decision = $2, decided_by = $3, decided_at = $4, decision_reason = $5
         WHERE id = $1
        """,
        approval_id,
        decision,
        user_id,
        at,
        reason,
    )


async def mark_used(conn: Connection, approval_id: UUID, at: datetime) -> None:
    await conn.execute("UPDATE gateway.approval SET used_at = $2 WHERE id = $1", approval_id, at)


async def forget_approvals(pool: Pool, *, before: datetime) -> None:
    """Delete requests that ended long ago; the audit log keeps who asked and who decided."""
    await pool.execute("DELETE FROM gateway.approval WHERE expires_at < $1", before)


def _approval(row: dict[str, Any]) -> Approval:
    decision = row["decision"]
    found = {"act": Act(row["act"]), "decision": Decision(decision) if decision else None}
    return Approval(**{**row, **found})
