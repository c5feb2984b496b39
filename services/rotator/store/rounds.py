"""The janitor's rounds: `ports.Rounds` on PostgreSQL."""

from typing import Final
from uuid import UUID

import asyncpg

from services.rotator.domain.rotation import Place
from services.rotator.domain.tidying import Accounted, Round
from services.rotator.ports import FencedError
from services.rotator.store.lease import EFFECT_SECONDS, LEASE_SECONDS
from services.rotator.store.rows import to_place
from shared.database import Connection, Pool

EVERY_SECONDS: Final = 86_400.0

_BEGIN: Final = """
    WITH due AS (
        SELECT t.driver, t.name
          FROM rotator.target AS t
         WHERE (t.tidied_at IS NULL OR t.tidied_at + make_interval(secs => $4) <= now())
           AND (t.lease_owner IS NULL OR t.lease_until + make_interval(secs => $3) <= now())
           AND NOT EXISTS (
               SELECT FROM rotator.rotation AS r
                 JOIN rotator.credential AS c ON c.id = r.credential_id
                WHERE c.driver = t.driver AND c.target = t.name AND NOT r.over)
         ORDER BY t.tidied_at NULLS FIRST, t.driver, t.name
         LIMIT 1
           FOR UPDATE OF t SKIP LOCKED
    )
    UPDATE rotator.target AS t
       SET lease_owner = $1, lease_until = now() + make_interval(secs => $2), epoch = t.epoch + 1
      FROM due
     WHERE t.driver = due.driver AND t.name = due.name
    RETURNING t.driver, t.name, t.epoch
"""
_ENDED: Final = """
    SELECT r.id
      FROM rotator.rotation AS r
      JOIN rotator.credential AS c ON c.id = r.credential_id
     WHERE c.driver = $1 AND c.target = $2 AND r.over
       AND r.changed_at + r.overlap <= now()
       AND NOT (c.state = 'quarantined' AND r.state IN ('failed', 'conflict'))
"""


class PostgresRounds:
    """Implements `ports.Rounds`; `owner` names this process among all."""

    def __init__(self, pool: Pool, owner: UUID) -> None:
        self._pool = pool
        self._owner = owner

    async def begin(self) -> Round | None:
        async with self._pool.transaction() as conn:
            row = await conn.fetchrow(
                _BEGIN, self._owner, LEASE_SECONDS, EFFECT_SECONDS, EVERY_SECONDS
            )
            return None if row is None else await _round(conn, row)

    async def fence(self, around: Round) -> None:
        async with self._pool.acquire() as conn:
            held = await conn.fetchval(
                """
                UPDATE rotator.target
                   SET lease_until = now() + make_interval(secs => $4)
                 WHERE driver = $1 AND name = $2 AND epoch = $3
                RETURNING true
                """,
                *(around.driver, around.target, around.epoch, LEASE_SECONDS),
            )
        if not held:
            raise FencedError

    async def end(self, around: Round) -> None:
        async with self._pool.acquire() as conn:
            await conn.execute(
                """
                UPDATE rotator.target
                   SET lease_owner = NULL, lease_until = NULL, tidied_at = now()
                 WHERE driver = $1 AND name = $2 AND epoch = $3
                """,
                *(around.driver, around.target, around.epoch),
            )


async def _round(conn: Connection, row: asyncpg.Record) -> Round:
    driver, target = row["driver"], row["name"]
    ended = await conn.fetch(_ENDED, driver, target)
    return Round(
        driver=driver,
        target=target,
        epoch=row["epoch"],
        credentials=tuple(await _credentials(conn, driver, target)),
        ended=frozenset(each["id"] for each in ended),
    )


async def _credentials(conn: Connection, driver: str, target: str) -> list[Accounted]:
    rows = await conn.fetch(
        """
        SELECT c.id, c.key_id, c.state
          FROM rotator.credential AS c
         WHERE c.driver = $1 AND c.target = $2
        """,
        *(driver, target),
    )
    return [
        Accounted(
            key_id=row["key_id"],
            places=await _places(conn, row["id"]),
            quarantine=row["state"] == "quarantined",
        )
        for row in rows
    ]


async def _places(conn: Connection, credential_id: UUID) -> tuple[Place, ...]:
    rows = await conn.fetch(
        """
        SELECT p.id AS place_id, p.vault_url, p.name, p.reference, NULL AS base_version,
               NULL AS new_version, NULL AS reverted_version
          FROM rotator.place AS p
         WHERE p.credential_id = $1
         ORDER BY p.position, p.id
        """,
        credential_id,
    )
    return tuple(map(to_place, rows))
