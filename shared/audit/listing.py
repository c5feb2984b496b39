"""The audit log as people read it: newest first, with the place in the chain."""

from datetime import datetime
from typing import Final

from asyncpg import Record

from shared.database import Pool

_ENTRIES: Final = """
    SELECT e.id, e.at, e.service::text AS service, e.action, e.actor, e.subject, e.outcome,
           e.correlation_id, e.address, e.scope, e.reason, e.amount, e.before, e.after,
           s.position
      FROM audit.entry AS e
      LEFT JOIN audit.seal AS s ON s.entry_id = e.id
     WHERE ($1::bigint IS NULL OR e.id < $1::bigint)
       AND ($2::timestamptz IS NULL OR e.at >= $2::timestamptz)
       AND ($3::timestamptz IS NULL OR e.at < $3::timestamptz)
       AND ($4::text IS NULL OR e.action = $4 OR starts_with(e.action, $4 || ':'))
       AND ($5::text IS NULL OR e.actor = $5)
       AND ($6::text IS NULL OR e.outcome = $6)
     ORDER BY e.id DESC
     LIMIT $7
"""


async def list_entries(
    pool: Pool,
    *,
    before: int | None,
    since: datetime | None,
    until: datetime | None,
    action: str | None,
    actor: str | None,
    outcome: str | None,
    limit: int,
) -> list[Record]:
    """Return entries. `action` is a whole one, or its subject (`session` for all of sessions)."""
    return await pool.fetch(_ENTRIES, before, since, until, action, actor, outcome, limit)
