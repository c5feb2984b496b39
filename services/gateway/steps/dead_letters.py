"""What people do with the bus's queues: look, and put dead letters back or delete them.

A dead letter's body is shown only as far as its event's class knows it. Anything else may be what a
wrong publisher wrote, a value included: of that only size and digest are told.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from pydantic import ValidationError

from services.gateway.domain import problem
from services.gateway.domain.approval import Act
from services.gateway.domain.caller import Caller
from services.gateway.domain.session import Session
from services.gateway.steps import audit_trail
from services.gateway.steps.approvals import Approvals
from services.gateway.steps.once import Accepted, Key, key_of, once_or_again
from shared.audit import Action
from shared.bus import Bus
from shared.bus.ops import DeadLetter, Depth
from shared.clock import Clock
from shared.database import Connection, Pool
from shared.errors import TransientError
from shared.events import EVENTS
from shared.telemetry.logs import scrub

ALL: Final = "all"
_HEADERS: Final = ("ce-source", "ce-time", "ce-correlationid", "ce-causationid")
_LONGEST: Final = 300
# A plan is stored and read by a person: a queue of more is purged in several turns.
MOST_AT_ONCE: Final = 1000


@asynccontextmanager
async def _of_the_broker() -> AsyncIterator[None]:
    """Answer for the bus; its address, which the sentence names, stays in the logs."""
    try:
        yield
    except TransientError as error:
        raise problem.unavailable(
            "The bus does not answer; what waits there is kept. See the check “bus” of /health."
        ) from error


@dataclass(frozen=True, slots=True)
class _Move:
    action: Action
    queue: str
    which: str
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetters:
    """The bus's queues as people see them. Raises `ProblemError` where the bus does not answer."""

    pool: Pool
    bus: Bus
    clock: Clock
    approvals: Approvals
    needs_approval: bool

    async def depths(self) -> list[Depth]:
        """Return every queue, by name; the outbox of an external bus is `relay`."""
        async with _of_the_broker():
            return await self.bus.operator.depths()

    async def list_letters(self, queue: str | None, limit: int) -> tuple[list[DeadLetter], int]:
        """Return dead letters of one queue or of all, and how many there are."""
        known = {depth.queue: depth.dead for depth in await self.depths()}
        if queue is not None and queue not in known:
            raise problem.not_found("queue")
        async with _of_the_broker():
            found = await self.bus.operator.dead_letters(queue, limit=limit)
        return found, known[queue] if queue is not None else sum(known.values())

    async def get_letter(self, queue: str, letter_id: UUID) -> DeadLetter:
        """Return one dead letter."""
        async with _of_the_broker():
            letter = await self.bus.operator.dead_letter(queue, letter_id)
        if letter is None:
            raise problem.not_found("dead letter")
        return letter

    async def replay(
        self, session: Session, queue: str, letter_id: UUID | None, caller: Caller, key: str | None
    ) -> Accepted:
        """Put one dead letter, or all of a queue, back under its old id; tell how many."""

        async def act() -> Accepted:
            amount = await self._count(queue, letter_id)
            move = _Move(Action.DEAD_LETTER_REPLAYED, queue, _which(letter_id), amount)
            async with self._recorded(session, move, caller):
                return _done(queue, await self.bus.operator.replay(queue, letter_id))

        words = ("POST replay", queue, _which(letter_id))
        return await self._once(session, key_of(key, *words), act)

    async def plan_purge(self, queue: str, letter_id: UUID | None) -> dict[str, Any]:
        """Return what would be deleted, by ids; of a queue the first thousand."""
        if letter_id is not None:
            await self.get_letter(queue, letter_id)
            return {"queue": queue, "ids": [str(letter_id)]}
        found, _ = await self.list_letters(queue, MOST_AT_ONCE)
        if not found:
            raise problem.not_found("dead letter")
        return {"queue": queue, "ids": sorted(str(letter.id) for letter in found)}

    async def purge(
        self,
        session: Session,
        queue: str,
        letter_id: UUID | None,
        caller: Caller,
        *,
        key: str | None,
        approval_id: UUID | None,
    ) -> Accepted:
        """Delete one dead letter, or those of a queue that a plan names, for good.

        Where somebody else must approve it, `approval_id` names the approved request.
        """
        if approval_id is None and self.needs_approval:
            raise problem.approval_needed(f"/api/v1/queues/{queue}/dead-letters/purge-requests")

        async def act() -> Accepted:
            plan = await self.plan_purge(queue, letter_id)
            ids = [UUID(one) for one in plan["ids"]]
            move = _Move(Action.DEAD_LETTER_PURGED, queue, _which(letter_id), len(ids))
            consent = partial(self._spend, session, approval_id, plan, caller)
            async with self._recorded(session, move, caller, consent):
                counts = [await self.bus.operator.purge(queue, one) for one in ids]
                return _done(queue, sum(counts))

        words = ("POST purge", queue, _which(letter_id), str(approval_id))
        return await self._once(session, key_of(key, *words), act)

    async def _spend(
        self,
        session: Session,
        approval_id: UUID | None,
        plan: dict[str, Any],
        caller: Caller,
        conn: Connection,
    ) -> None:
        if approval_id is not None:
            asked = Act.PURGE_DEAD_LETTERS
            await self.approvals.use(conn, session, approval_id, asked, plan, caller)

    async def _once(
        self, session: Session, key: Key, act: Callable[[], Awaitable[Accepted]]
    ) -> Accepted:
        at = self.clock()
        return await once_or_again(self.pool, key, user_id=session.user_id, at=at, act=act)

    @asynccontextmanager
    async def _recorded(
        self,
        session: Session,
        move: _Move,
        caller: Caller,
        consent: Callable[[Connection], Awaitable[None]] | None = None,
    ) -> AsyncIterator[None]:
        """Record the act, then let it be done: no transaction spans database and broker."""
        async with self.pool.transaction() as conn:
            if consent is not None:
                await consent(conn)
            await _record(conn, session, move, caller)
        try:
            async with _of_the_broker():
                yield
        except Exception as error:
            why = f"it ended in {type(error).__name__}; some may have been moved"
            async with self.pool.transaction() as conn:
                await _record(conn, session, move, caller, why)
            raise

    async def _count(self, queue: str, letter_id: UUID | None) -> int:
        if letter_id is not None:
            await self.get_letter(queue, letter_id)
            return 1
        _, total = await self.list_letters(queue, 1)
        return total


async def _record(
    conn: Connection, session: Session, move: _Move, caller: Caller, failure: str | None = None
) -> None:
    await audit_trail.act(
        conn,
        session,
        move.action,
        move.queue,
        caller,
        scope=move.which,
        amount=move.amount,
        outcome="failed" if failure else "done",
        reason=failure,
    )


def _which(letter_id: UUID | None) -> str:
    return ALL if letter_id is None else str(letter_id)


def _done(queue: str, count: int) -> Accepted:
    return Accepted(location=f"/api/v1/queues/{queue}", answer={"count": count})


def summary_of(letter: DeadLetter, *, whole: bool) -> dict[str, Any]:
    """Return what is told of a dead letter in a list: nothing of its body.

    `whole` says whether the reader may see the whole inventory: an error's words name parts of it.
    """
    return {
        "id": letter.id,
        "queue": letter.queue,
        "type": letter.type if letter.type in EVENTS else scrub(letter.type)[:_LONGEST],
        "attempts": letter.attempts,
        "reason": scrub(letter.reason)[:_LONGEST],
        "description": scrub(letter.description)[:_LONGEST] if whole else "",
        "dead_at": letter.dead_at,
    }


def inspect(letter: DeadLetter, *, whole: bool) -> dict[str, Any]:
    """Return a dead letter with its content, as far as the event's class knows it.

    `whole` says whether the reader may see the whole inventory: an event names parts of it.
    """
    content = content_of(letter) if whole else None
    headers = {
        name: scrub(letter.headers[name])[:_LONGEST] for name in _HEADERS if name in letter.headers
    }
    return {
        **summary_of(letter, whole=whole),
        "readable": content_of(letter) is not None,
        "headers": headers,
        "content": content,
        "bytes": len(letter.body),
        "sha256": sha256(letter.body).hexdigest(),
    }


def content_of(letter: DeadLetter) -> dict[str, Any] | None:
    """Return the fields of the event's class, None for a body that is no such event."""
    event = EVENTS.get(letter.type)
    if event is None:
        return None
    try:
        found = event.model_validate_json(letter.body).model_dump(mode="json")
    except ValidationError:
        return None
    return {name: _scrubbed(value) for name, value in found.items()}


def _scrubbed(value: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
    match value:
        case str():
            return scrub(value)
        case dict():
            return {key: _scrubbed(inner) for key, inner in value.items()}
        case list():
            return [_scrubbed(inner) for inner in value]
        case _:
            return value
