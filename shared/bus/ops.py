"""For operators: how full the queues are, and what to do with dead letters, on either bus."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

import orjson

if TYPE_CHECKING:
    from asyncpg import Record

    from shared.database import Pool

LIST_LIMIT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Depth:
    """How much is in one queue. `relay` is the outbox of an external bus.

    None is what the broker does not tell: never read it as nothing. `age_seconds` is how old the
    oldest message is that could be taken; `consumers` are processes that take from the queue.
    """

    queue: str
    ready: int
    delayed: int
    in_flight: int | None
    dead: int
    age_seconds: float | None = None
    consumers: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A message that was laid aside, whole, and why. `attempts` counts the tries it had.

    `id` names it to `replay` and `purge`: the event's id, or where that cannot be read one that is
    made from what was received. `message_id` is the event's id.
    """

    queue: str
    id: UUID
    message_id: UUID | None
    type: str
    headers: Mapping[str, str]
    body: bytes
    attempts: int
    reason: str
    description: str
    dead_at: datetime | None


class Operator(Protocol):
    """What a person may do with the queues."""

    async def depths(self) -> list[Depth]:
        """Return every queue's depth, by name."""
        ...

    async def dead_letters(
        self, queue: str | None = None, *, limit: int = LIST_LIMIT
    ) -> list[DeadLetter]:
        """Return dead letters of one queue or of all."""
        ...

    async def dead_letter(self, queue: str, letter_id: UUID) -> DeadLetter | None:
        """Return one dead letter of a queue; None when there is none of this id."""
        ...

    async def replay(self, queue: str, letter_id: UUID | None = None) -> int:
        """Put one dead letter, or all of a queue, back as new, under its old event id.

        Handlers that had claimed it in their inbox skip it; the others handle it. What is laid
        aside meanwhile may stay where it is. Returns how many.
        """
        ...

    async def purge(self, queue: str, letter_id: UUID | None = None) -> int:
        """Delete one dead letter, or all of a queue, for good. Returns how many."""
        ...


class PostgresOperator:
    """Implements `Operator` on the embedded bus; only the role `gateway` may call its functions."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def depths(self) -> list[Depth]:
        rows = await self._pool.fetch(
            """
            SELECT queue, ready, delayed, in_flight, dead, age_seconds, consumers
              FROM bus.queue_depths()
            """
        )
        return [Depth(**row) for row in rows]

    async def dead_letters(
        self, queue: str | None = None, *, limit: int = LIST_LIMIT
    ) -> list[DeadLetter]:
        rows = await self._pool.fetch(
            """
            SELECT queue, message_id, type, headers, body, attempts, reason, description, dead_at
              FROM bus.dead_letters($1, $2)
            """,
            queue,
            limit,
        )
        return [_letter(row) for row in rows]

    async def dead_letter(self, queue: str, letter_id: UUID) -> DeadLetter | None:
        row = await self._pool.fetchrow(
            """
            SELECT queue, message_id, type, headers, body, attempts, reason, description, dead_at
              FROM bus.dead_letter($1, $2)
            """,
            queue,
            letter_id,
        )
        return _letter(row) if row else None

    async def replay(self, queue: str, letter_id: UUID | None = None) -> int:
        return int(await self._pool.fetchval("SELECT bus.replay($1, $2)", queue, letter_id))

    async def purge(self, queue: str, letter_id: UUID | None = None) -> int:
        return int(await self._pool.fetchval("SELECT bus.purge($1, $2)", queue, letter_id))


def _letter(row: Record) -> DeadLetter:
    headers = orjson.loads(row["headers"])
    return DeadLetter(**{**row, "headers": headers, "id": row["message_id"]})
