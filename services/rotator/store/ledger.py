"""What is remembered of rotations: `ports.Ledger` on PostgreSQL, whose clock is the only one.

Each method is one short transaction. None is open while a cloud answers.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from services.rotator.domain.announce import announce
from services.rotator.domain.limits import Wait
from services.rotator.domain.rotation import Rotation, answer, heed, stamp
from services.rotator.domain.state import AT_REST
from services.rotator.domain.switches import holding, sentence, subject_of
from services.rotator.ports import FencedError, Lease
from services.rotator.store import budgets, changes, pauses
from services.rotator.store.budgets import DEFAULT_RATES, Rates
from services.rotator.store.lease import EFFECT_SECONDS, LEASE_SECONDS
from services.rotator.store.rows import PLACES, ROTATION, to_rotation
from shared.database import Connection, Pool
from shared.events import Event

PAUSED: Final = timedelta(minutes=1)
"""When a rotation that is paused looks again."""

_CLAIM: Final = """
    WITH due AS (
        SELECT r.id, c.driver, c.target
          FROM rotator.rotation AS r
          JOIN rotator.credential AS c ON c.id = r.credential_id
          JOIN rotator.target AS t ON t.driver = c.driver AND t.name = c.target
         WHERE NOT r.over AND r.due_at <= now()
           AND (r.state <> 'awaiting_approval' OR r.wanted = 'withdraw')
           AND (t.lease_owner IS NULL
                OR t.lease_owner = $1 AND t.leased_for = r.id AND t.lease_until > now()
                OR t.lease_until + make_interval(secs => $3) <= now())
         ORDER BY r.due_at, r.id
         LIMIT 1
           FOR UPDATE OF r, t SKIP LOCKED
    ), leased AS (
        UPDATE rotator.target AS t
           SET lease_owner = $1, lease_until = now() + make_interval(secs => $2),
               epoch = t.epoch + 1, leased_for = due.id
          FROM due
         WHERE t.driver = due.driver AND t.name = due.target
        RETURNING t.epoch
    )
    UPDATE rotator.rotation AS r
       SET due_at = now() + make_interval(secs => $2)
      FROM due, leased
     WHERE r.id = due.id
    RETURNING r.id, leased.epoch
"""
"""A rotation that another task of this process has is not due: `due_at` goes with the lease."""

_FENCE: Final = """
    WITH held AS (
        UPDATE rotator.target AS t
           SET lease_until = now() + make_interval(secs => $5)
         WHERE t.driver = $1 AND t.name = $2 AND t.epoch = $3
        RETURNING t.lease_until
    )
    UPDATE rotator.rotation AS r
       SET due_at = held.lease_until
      FROM held
     WHERE r.id = $4
    RETURNING r.id
"""


class Outbox(Protocol):
    """Publishes an event in the transaction of a connection."""

    async def emit(self, event: Event, *, connection: Connection) -> UUID:
        """Return the event's id."""
        ...


class PostgresLedger:
    """Implements `ports.Ledger`; `owner` names this process among all."""

    def __init__(
        self, pool: Pool, outbox: Outbox, owner: UUID, rates: Rates = DEFAULT_RATES
    ) -> None:
        self._pool = pool
        self._rates = rates
        self._outbox = outbox
        self._owner = owner

    async def claim(self) -> Lease | None:
        async with self._pool.transaction() as conn:
            row = await conn.fetchrow(_CLAIM, self._owner, LEASE_SECONDS, EFFECT_SECONDS)
            if row is None:
                return None
            return Lease(await get(conn, row["id"]), row["epoch"])

    async def fence(self, lease: Lease, owner: str) -> Wait | None:
        rotation = lease.rotation
        async with self._pool.transaction() as conn:
            held = await conn.fetchval(
                _FENCE,
                *(rotation.driver, rotation.target, lease.epoch),
                *(rotation.id, LEASE_SECONDS),
            )
            if held is None:
                raise FencedError
            paused = sentence(holding(await pauses.list_all(conn), subject_of(rotation)))
            if paused:
                return Wait(span=PAUSED, reason=paused)
            wait = await budgets.take(conn, rotation, owner, self._rates)
        return wait if wait.span else None

    async def shut(self, owner: str, seconds: float) -> None:
        async with self._pool.transaction() as conn:
            await budgets.shut(conn, owner, seconds)

    async def record(
        self, lease: Lease, after: Rotation, *, wait: float | None = None, keep: bool = False
    ) -> Lease:
        before = lease.rotation
        async with self._pool.transaction() as conn:
            after = answer(before, after, await changes.lock_wanted(conn, before.id))
            if after.state in AT_REST or (wait is not None and heed(after) is not None):
                wait, keep = 0.0, False
            now = await self._settle(conn, lease, wait, keep=keep)
            after = stamp(before, after, now)
            due = LEASE_SECONDS if wait is None else wait
            if not await changes.save(conn, before, after, epoch=lease.epoch, wait=due):
                raise FencedError
            for event in announce(before, after, now):
                await self._outbox.emit(event, connection=conn)
        return replace(lease, rotation=after)

    async def until(self, instant: datetime) -> float:
        async with self._pool.acquire() as conn:
            left: float = await conn.fetchval(
                "SELECT greatest(0, extract(epoch FROM $1 - now()))::double precision", instant
            )
            return left

    async def _settle(
        self, conn: Connection, lease: Lease, wait: float | None, *, keep: bool
    ) -> datetime:
        """Lengthen the lease or give it back; return the time. Raises `FencedError`."""
        rotation = lease.rotation
        row = await conn.fetchrow(
            """
            UPDATE rotator.target AS t
               SET lease_owner = CASE WHEN $4::float8 > 0 THEN t.lease_owner END,
                   lease_until = now() + make_interval(secs => $4)
             WHERE t.driver = $1 AND t.name = $2 AND t.epoch = $3
            RETURNING now() AS at
            """,
            *(rotation.driver, rotation.target, lease.epoch),
            LEASE_SECONDS if wait is None else (wait + LEASE_SECONDS if keep else None),
        )
        if row is None:
            raise FencedError
        at: datetime = row["at"]
        return at


async def get(conn: Connection, rotation_id: UUID) -> Rotation:
    """Return a rotation. Raises `LookupError` if there is none."""
    row = await conn.fetchrow(f"{ROTATION} WHERE r.id = $1", rotation_id)
    if row is None:
        raise LookupError(rotation_id)
    return to_rotation(row, await conn.fetch(PLACES, rotation_id))
