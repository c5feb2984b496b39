"""The bus's queues: how full they are, and what to do with dead letters."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.responses import Response

from services.gateway.domain.approval import Act
from services.gateway.domain.role import Permission
from services.gateway.middleware.caller import caller_of, parts_of
from services.gateway.middleware.guard import GuardedRoute, needs, scope_of, session_of
from services.gateway.routes.accepted import accepted_answer
from services.gateway.routes.answers import as_json
from services.gateway.routes.approvals import Asked
from services.gateway.routes.parameters import STORABLE, IdempotencyKey, Limit, Reason
from services.gateway.steps.dead_letters import inspect, summary_of

router = APIRouter(prefix="/api/v1/queues", route_class=GuardedRoute, tags=["queues"])

QueueName = Annotated[str, Path(max_length=200, pattern=STORABLE)]


class Queue(BaseModel):
    """One queue; null is what the broker does not tell, never none."""

    queue: str = Field(description="`service.type`; `relay` is the outbox of an external broker.")
    ready: int
    delayed: int = Field(description="Waiting for their next try.")
    in_flight: int | None
    dead: int
    age_seconds: float | None = Field(description="Of the oldest message that could be taken.")
    consumers: int | None = Field(description="Processes that take from it.")


class Queues(BaseModel):
    """Every queue."""

    data: list[Queue]


class DeadLetterSummary(BaseModel):
    """A message that nobody could handle, and why."""

    id: UUID = Field(description="The event's id, or one made from what cannot be read.")
    queue: str
    type: str
    attempts: int
    reason: str = Field(description="A word for programs.")
    description: str = Field(
        description="Empty for a session that does not see the whole inventory."
    )
    dead_at: datetime | None


class DeadLetterDetail(DeadLetterSummary):
    """A dead letter with what its event's class allows to be shown of it."""

    readable: bool = Field(description="The body is an event of its type.")
    headers: dict[str, str]
    content: dict[str, Any] | None = Field(
        description="Null where the body is no event of its type, or for a session that does not"
        " see the whole inventory."
    )
    bytes: int
    sha256: str


class DeadLetterList(BaseModel):
    """Dead letters, up to the limit, and how many there are."""

    data: list[DeadLetterSummary]
    total: int


class Choice(BaseModel):
    """One dead letter by its id, or all of the queue."""

    model_config = ConfigDict(extra="forbid")

    id: UUID | None = None
    all: bool = False

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.all == (self.id is not None):
            raise ValueError("name one dead letter by “id”, or say “all”: true.")
        return self


class Purge(Choice):
    """What to delete, and the approved request for it, if one is needed."""

    approval: UUID | None = None


class PurgeRequest(Choice):
    """What to delete, and why."""

    reason: Reason = ""


class Moved(BaseModel):
    """How many dead letters it was done with."""

    count: int


@router.get("", response_model=Queues)
@needs(Permission.READ_SYSTEM, narrows=True)
async def list_queues(request: Request) -> Response:
    """Return every queue: its depth, the age of its oldest message, and its consumers."""
    return as_json({"data": await parts_of(request).dead_letters.depths()})


@router.get("/dead-letters", response_model=DeadLetterList, responses={404: {}})
@needs(Permission.READ_SYSTEM, narrows=True)
async def list_dead_letters(
    request: Request,
    queue: Annotated[str | None, Query(max_length=200, pattern=STORABLE)] = None,
    limit: Limit = 100,
) -> Response:
    """Return dead letters of one queue or of all; their order is the broker's."""
    found, total = await parts_of(request).dead_letters.list_letters(queue, limit)
    whole = scope_of(request) is None
    return as_json({"data": [summary_of(one, whole=whole) for one in found], "total": total})


@router.get("/{queue}/dead-letters/{letter_id}", response_model=DeadLetterDetail)
@needs(Permission.READ_SYSTEM, narrows=True)
async def get_dead_letter(request: Request, queue: QueueName, letter_id: UUID) -> Response:
    """Return one dead letter; of a body that cannot be read only size and digest."""
    letter = await parts_of(request).dead_letters.get_letter(queue, letter_id)
    return as_json(inspect(letter, whole=scope_of(request) is None))


@router.post("/{queue}/dead-letters/replay", response_model=Moved)
@needs(Permission.REPLAY_DEAD_LETTERS)
async def replay_dead_letters(
    request: Request, queue: QueueName, body: Choice, key: IdempotencyKey = None
) -> Response:
    """Put dead letters back under their old ids; a handler that was done with one skips it."""
    moved = await parts_of(request).dead_letters.replay(
        session_of(request), queue, body.id, caller_of(request), key
    )
    return accepted_answer(moved, 200)


@router.post("/{queue}/dead-letters/purge-requests", status_code=201, response_model=Asked)
@needs(Permission.PURGE_DEAD_LETTERS)
async def request_purge(
    request: Request, queue: QueueName, body: PurgeRequest, key: IdempotencyKey = None
) -> Response:
    """Ask somebody else to approve the deletion of exactly these dead letters."""
    parts = parts_of(request)
    plan = await parts.dead_letters.plan_purge(queue, body.id)
    asked = await parts.approvals.ask(
        session_of(request),
        Act.PURGE_DEAD_LETTERS,
        plan,
        reason=body.reason,
        caller=caller_of(request),
        key=key,
    )
    return accepted_answer(asked, 201)


@router.post("/{queue}/dead-letters/purge", response_model=Moved)
@needs(Permission.PURGE_DEAD_LETTERS)
async def purge_dead_letters(
    request: Request, queue: QueueName, body: Purge, key: IdempotencyKey = None
) -> Response:
    """Delete dead letters for good, a thousand at most.

    Where `APPROVAL_REQUIRED` says so, only what somebody else approved.
    """
    moved = await parts_of(request).dead_letters.purge(
        session_of(request), queue, body.id, caller_of(request), key=key, approval_id=body.approval
    )
    return accepted_answer(moved, 200)
