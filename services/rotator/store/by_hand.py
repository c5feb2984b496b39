"""Rotations that people asked for, to be counted where the licence counts them."""

from datetime import datetime
from typing import Final

from services.rotator.domain.quota import Outcome, Run, month_of
from services.rotator.domain.state import State
from shared.database import Connection

_LOCK: Final = 7_312


async def lock_and_list(conn: Connection) -> tuple[list[Run], datetime]:
    """Return this month's runs and the time, and keep others from asking until the end.

    Two who asked at once would both be given the last one.
    """
    await conn.execute("SELECT pg_advisory_xact_lock($1, 0)", _LOCK)
    now: datetime = await conn.fetchval("SELECT now()")
    begins, _ = month_of(now)
    rows = await conn.fetch(
        """
        SELECT r.requested_at, r.state, r.over
          FROM rotator.rotation AS r
         WHERE starts_with(r.trigger_key, 'request:') AND r.requested_at >= $1
        """,
        begins,
    )
    return [Run(asked_at=row["requested_at"], outcome=_outcome(**row)) for row in rows], now


def _outcome(*, requested_at: datetime, state: str, over: bool) -> Outcome:
    del requested_at
    if not over:
        return Outcome.UNDER_WAY
    return Outcome.SUCCEEDED if state == State.COMPLETED else Outcome.FAILED
