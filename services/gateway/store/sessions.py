"""Sessions: the rows that tokens point at."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from services.gateway.domain.rate import Bucket
from services.gateway.domain.role import Role
from services.gateway.domain.session import Carrier, Session
from services.gateway.store.limits import TAKE
from shared.database import Connection, Pool

_SESSION: Final = """
    SELECT s.id, s.user_id, u.username, u.role, s.carrier, s.created_at, s.expires_at,
           s.last_seen_at, s.revoked_at, u.disabled_at IS NOT NULL AS user_disabled
      FROM gateway.session AS s
      JOIN gateway.app_user AS u ON u.id = s.user_id
"""
_ONE: Final = _SESSION + " WHERE s.id = $1"
_USED: Final = f"""
    WITH taken AS ({TAKE}), found AS ({_SESSION} WHERE s.id = $5)
    SELECT f.id, f.user_id, f.username, f.role, f.carrier, f.created_at, f.expires_at,
           f.last_seen_at, f.revoked_at, f.user_disabled, t.tokens, t.refused
      FROM found AS f CROSS JOIN taken AS t
"""  # noqa: S608 - of constants alone


async def add_session(conn: Connection, session: Session, *, network: str, user_agent: str) -> None:
    await conn.execute(
        """
        INSERT INTO gateway.session
               (id, user_id, carrier, created_at, expires_at, last_seen_at, network, user_agent)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        """,
        session.id,
        session.user_id,
        session.carrier,
        session.created_at,
        session.expires_at,
        session.last_seen_at,
        network,
        user_agent,
    )


async def get_session(pool: Pool, session_id: UUID) -> Session | None:
    """Return a session with its user's present name and role, or None."""
    row = await pool.fetchrow(_ONE, session_id)
    return _session(dict(row)) if row else None


async def use_session(
    pool: Pool, session_id: UUID, *, capacity: int, per_second: float, at: datetime
) -> tuple[Session, Bucket] | None:
    """Return a session after taking one request from its limit: one look for both."""
    key = f"session/{session_id}"
    row = await pool.fetchrow(_USED, key, float(capacity), per_second, at, session_id)
    if row is None:
        return None
    found = dict(row)
    taken = {name: found.pop(name) for name in ("tokens", "refused")}
    return _session(found), Bucket(**taken, capacity=capacity, per_second=per_second)


def _session(row: dict[str, Any]) -> Session:
    typed = {"role": Role(row["role"]), "carrier": Carrier(row["carrier"])}
    return Session(**{**row, **typed})


async def touch_session(pool: Pool, session_id: UUID, at: datetime) -> None:
    """Record that a session was used."""
    await pool.execute(
        "UPDATE gateway.session SET last_seen_at = greatest(last_seen_at, $2) WHERE id = $1",
        session_id,
        at,
    )


async def revoke_session(conn: Connection, session_id: UUID, at: datetime) -> None:
    """End a session now, on every replica."""
    await conn.execute(
        "UPDATE gateway.session SET revoked_at = coalesce(revoked_at, $2) WHERE id = $1",
        session_id,
        at,
    )


async def delete_sessions(pool: Pool, *, ended_before: datetime) -> None:
    """Forget sessions that ended long ago."""
    await pool.execute("DELETE FROM gateway.session WHERE expires_at < $1", ended_before)
