"""Ledgers to test: the one in memory and the one in PostgreSQL, with a time that can be moved."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol
from uuid import UUID

from services.rotator.domain.limits import Rate
from services.rotator.domain.rotation import Rotation
from services.rotator.ports import Ledger
from services.rotator.store import rotations
from services.rotator.store.ledger import PostgresLedger, get
from services.rotator.store.rotations import Asked, Managed
from shared.database import Connection, Pool
from shared.events import Event
from tests.support.saga.memory import Book, MemoryLedger, Row
from tests.support.saga.world import World

SHIFT = """
    WITH targets AS (
        UPDATE rotator.target
           SET lease_until = lease_until - make_interval(secs => $1),
               wrote_at = wrote_at - make_interval(secs => $1)
    )
    UPDATE rotator.rotation
       SET due_at = due_at - make_interval(secs => $1),
           not_before = not_before - make_interval(secs => $1)
"""
UNHURRIED = Rate(every=timedelta(microseconds=1), burst=100)
PAUSE = """
    INSERT INTO rotator.pause (id, scope, target, reason, paused_by)
    VALUES (gen_random_uuid(), 'credential', $1, 'an incident', 'ada')
"""


class Bench(Protocol):
    """A ledger's surroundings: rotations to be added, other processes, time."""

    async def add(self, rotation: Rotation) -> None: ...

    def ledger(self, owner: int) -> Ledger: ...

    async def pass_time(self, seconds: float) -> None: ...

    async def pause(self, rotation: Rotation) -> None: ...

    async def events(self) -> list[str]: ...

    async def standing(self, rotation_id: UUID) -> Rotation: ...


class MemoryBench:
    """Implements `Bench` for `MemoryLedger`."""

    def __init__(self) -> None:
        self.book = Book(World(overlap=3_600.0))

    async def add(self, rotation: Rotation) -> None:
        self.book.rows[rotation.id] = Row(rotation)

    def ledger(self, owner: int) -> Ledger:
        return MemoryLedger(self.book, UUID(int=owner))

    async def pass_time(self, seconds: float) -> None:
        self.book.world.now += seconds

    async def pause(self, rotation: Rotation) -> None:
        del rotation
        self.book.paused = "ada paused the rotation of this credential."

    async def events(self) -> list[str]:
        return [event.type for event in self.book.events]

    async def standing(self, rotation_id: UUID) -> Rotation:
        return self.book.rows[rotation_id].rotation


class Noted:
    """Stands where the bus stands and writes into the database what is emitted."""

    def __init__(self) -> None:
        self.emitted: list[Event] = []

    async def emit(self, event: Event, *, connection: Connection, **_: Any) -> UUID:
        assert connection.is_in_transaction()
        self.emitted.append(event)
        return UUID(int=len(self.emitted))


@dataclass
class PostgresBench:
    """Implements `Bench` for `PostgresLedger`."""

    pool: Pool
    outbox: Noted

    async def add(self, rotation: Rotation) -> None:
        async with self.pool.transaction() as conn:
            await add(conn, rotation)

    def ledger(self, owner: int) -> Ledger:
        return PostgresLedger(self.pool, self.outbox, UUID(int=owner))

    async def pass_time(self, seconds: float) -> None:
        async with self.pool.acquire() as conn:
            await conn.execute(SHIFT, seconds)

    async def pause(self, rotation: Rotation) -> None:
        async with self.pool.acquire() as conn:
            await conn.execute(PAUSE, str(rotation.credential_id))

    async def events(self) -> list[str]:
        return [event.type for event in self.outbox.emitted]

    async def standing(self, rotation_id: UUID) -> Rotation:
        async with self.pool.acquire() as conn:
            return await get(conn, rotation_id)


async def add(conn: Connection, rotation: Rotation) -> None:
    """Add a rotation with its credential and its places."""
    managed = Managed(
        id=rotation.credential_id,
        driver=rotation.driver,
        target=rotation.target,
        subject=rotation.subject,
        places=rotation.places,
        key_id=rotation.old_key_id,
        lifetime=rotation.lifetime,
        overlap=rotation.overlap,
    )
    await rotations.save_credential(conn, managed)
    asked = Asked(
        id=rotation.id,
        credential_id=rotation.credential_id,
        trigger_key=str(rotation.id),
        requested_by="ada",
        state=rotation.state,
    )
    assert await rotations.add_rotation(conn, asked)
