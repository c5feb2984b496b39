"""Sessions: the rows that tokens point at."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from asyncpg import Record

from services.gateway.domain.rate import Bucket
from services.gateway.domain.role import Role
from services.gateway.domain.session import Carrier, Session
from services.gateway.store.limits import TAKE
from shared.database import Connection, Pool

_SESSION: Final = """
    SELECT s.id, s.user_id, u.username, u.role, s.carrier, s.created_at, s.expires_at,
           s.last_seen_at, s.revoked_at, u.disabled_at IS NOT NULL AS user_disabled,
           u.scope, u.must_change_password, s.confirmed_at,
           f.confirmed_at IS NOT NULL AS second_factor
      FROM gateway.session AS s
      JOIN gateway.app_user AS u ON u.id = s.user_id
      LEFT JOIN gateway.second_factor AS f ON f.user_id = s.user_id
"""
_ONE: Final = _SESSION + " WHERE s.id = $1"
_USED: Final = f"""
    WITH taken AS ({TAKE}), found AS ({_SESSION} WHERE s.id = $5)
    SELECT f.id, f.user_id, f.username, f.role, f.carrier, f.created_at, f.expires_at,
           f.last_seen_at, f.revoked_at, f.user_disabled, f.scope, f.must_change_password,
           f.confirmed_at, f.second_factor, t.tokens, t.refused
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
    pool: Pool, session_id: UUID, user_id: UUID, *, capacity: int, per_second: float, at: datetime
) -> tuple[Session, Bucket] | None:
    """Return a session after taking one request from its user's limit: one look for both."""
    key = f"user/{user_id}"
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


async def confirm_session(conn: Connection, session_id: UUID, at: datetime) -> None:
    """Note that the password was given again."""
    await conn.execute("UPDATE gateway.session SET confirmed_at = $2 WHERE id = $1", session_id, at)


async def revoke_sessions(
    conn: Connection, user_id: UUID, at: datetime, *, but: UUID | None = None
) -> int:
    """End a user's sessions now, on every replica, all or all but one; return how many."""
    tag = await conn.execute(
        """
        UPDATE gateway.session SET revoked_at = $2
         WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2 AND id IS DISTINCT FROM $3
        """,
        user_id,
        at,
        but,
    )
    return int(tag.rpartition(" ")[2])


async def revoke_own(conn: Connection, user_id: UUID, session_id: UUID, at: datetime) -> bool:
    """End one session of this user; False when there is no such living one."""
    tag = await conn.execute(
        """
        UPDATE gateway.session SET revoked_at = $3
         WHERE id = $2 AND user_id = $1 AND revoked_at IS NULL AND expires_at > $3
        """,
        user_id,
        session_id,
        at,
    )
    return tag == "UPDATE 1"


async def list_sessions(
    pool: Pool, user_id: UUID, *, now: datetime, idle_since: datetime
) -> list[Record]:
    """Return a user's living sessions, the last used first."""
    return await pool.fetch(
        """
        SELECT s.id, s.carrier, s.created_at, s.last_seen_at, s.expires_at, s.network, s.user_agent
          FROM gateway.session AS s
         WHERE s.user_id = $1 AND s.revoked_at IS NULL AND s.expires_at > $2
           AND s.last_seen_at > $3
         ORDER BY s.last_seen_at DESC, s.id
        """,
        user_id,
        now,
        idle_since,
    )


async def delete_sessions(pool: Pool, *, ended_before: datetime) -> None:
    """Forget sessions that ended long ago."""
    await pool.execute("DELETE FROM gateway.session WHERE expires_at < $1", ended_before)
