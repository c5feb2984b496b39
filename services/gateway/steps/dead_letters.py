"""What people do with the bus's queues: look, and put dead letters back or delete them.

A dead letter's body is shown only as far as its event's class knows it. Anything else may be what a
wrong publisher wrote, a value included: of that only size and digest are told.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from pydantic import ValidationError

from services.gateway.domain import problem
from services.gateway.domain.caller import Caller
from services.gateway.domain.session import Session
from services.gateway.steps import audit_trail
from shared.audit import Action
from shared.bus import Bus
from shared.bus.ops import DeadLetter, Depth
from shared.database import Pool
from shared.errors import TransientError
from shared.events import EVENTS
from shared.telemetry.logs import scrub

ALL: Final = "all"
_HEADERS: Final = ("ce-source", "ce-time", "ce-correlationid", "ce-causationid")
_LONGEST: Final = 300


@asynccontextmanager
async def _of_the_broker() -> AsyncIterator[None]:
    """Answer for the bus; its address, which the sentence names, stays in the logs."""
    try:
        yield
    except TransientError as error:
        raise problem.unavailable(
            "The bus does not answer; what waits there is kept. See the check “bus” of /health."
        ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetters:
    """The bus's queues as people see them. Raises `ProblemError` where the bus does not answer."""

    pool: Pool
    bus: Bus

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
        self, session: Session, queue: str, letter_id: UUID | None, caller: Caller
    ) -> int:
        """Put one dead letter, or all of a queue, back under its old id; return how many."""
        act = self.bus.operator.replay
        action = Action.DEAD_LETTER_REPLAYED
        return await self._move(session, action, queue, letter_id, caller, act)

    async def purge(
        self, session: Session, queue: str, letter_id: UUID | None, caller: Caller
    ) -> int:
        """Delete one dead letter, or all of a queue, for good; return how many."""
        act = self.bus.operator.purge
        action = Action.DEAD_LETTER_PURGED
        return await self._move(session, action, queue, letter_id, caller, act)

    async def _move(
        self,
        session: Session,
        action: Action,
        queue: str,
        letter_id: UUID | None,
        caller: Caller,
        act: Callable[[str, UUID | None], Awaitable[int]],
    ) -> int:
        """Record the act, then do it: no transaction spans database and broker."""
        amount = await self._count(queue, letter_id)
        which = ALL if letter_id is None else str(letter_id)
        async with self.pool.transaction() as conn:
            await audit_trail.dead_letters_moved(
                conn, session, action, queue, which, amount, caller
            )
        try:
            async with _of_the_broker():
                return await act(queue, letter_id)
        except Exception as error:
            async with self.pool.transaction() as conn:
                await audit_trail.dead_letters_moved(
                    conn,
                    session,
                    action,
                    queue,
                    which,
                    amount,
                    caller,
                    failure=f"it ended in {type(error).__name__}; some may have been moved",
                )
            raise

    async def _count(self, queue: str, letter_id: UUID | None) -> int:
        if letter_id is not None:
            await self.get_letter(queue, letter_id)
            return 1
        _, total = await self.list_letters(queue, 1)
        return total


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
