"""What is rotated by itself, when nothing is, and what could be rotated."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from services.gateway.domain import problem
from services.gateway.domain.cursor import Cursor, encode
from services.gateway.domain.filters import FilterError
from services.gateway.domain.role import Permission
from services.gateway.middleware.caller import parts_of
from services.gateway.middleware.guard import GuardedRoute, needs, scope_of
from services.gateway.queries import rotation_policies
from services.gateway.queries.rotation_policies import Position
from services.gateway.routes.accepted import accepted_answer
from services.gateway.routes.answers import DAMAGED, Page, as_json, as_page, position
from services.gateway.routes.asker import asker_of
from services.gateway.routes.parameters import CursorText, IdempotencyKey, Limit
from services.gateway.routes.policy_answers import (
    ChangeAsked,
    Freeze,
    FreezeRequest,
    LookAsked,
    Policy,
    PolicyRequest,
    SuggestionPage,
)
from services.gateway.steps.change_policy import Freezing

router = APIRouter(prefix="/api/v1", route_class=GuardedRoute, tags=["rotations"])


class Band(StrEnum):
    """How likely a suggestion is."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@router.get("/rotation-policies", response_model=Page[Policy])
@needs(Permission.READ_AUTOMATION)
async def list_policies(request: Request) -> Response:
    """Return the policies in the order in which they decide."""
    return as_page(await rotation_policies.list_policies(parts_of(request).pool), None)


@router.get("/rotation-policies/{policy_id}", response_model=Policy)
@needs(Permission.READ_AUTOMATION)
async def get_policy(request: Request, policy_id: UUID) -> Response:
    """Return one policy."""
    row = await rotation_policies.get_policy(parts_of(request).pool, policy_id)
    if row is None:
        raise problem.not_found("policy")
    return as_json(dict(row))


@router.put("/rotation-policies/{policy_id}", status_code=202, response_model=ChangeAsked)
@needs(Permission.MANAGE_POLICIES)
async def put_policy(request: Request, policy_id: UUID, body: PolicyRequest) -> Response:
    """Ask for a policy as a whole, a new one under an id of your choice or one that is known.

    Rotations that it lets begin now begin within a minute or so.
    """
    await parts_of(request).change_policy.set(asker_of(request), policy_id, body.terms())
    return as_json({"id": policy_id}, 202, {"location": f"/api/v1/rotation-policies/{policy_id}"})


@router.delete("/rotation-policies/{policy_id}", status_code=202, response_model=ChangeAsked)
@needs(Permission.MANAGE_POLICIES)
async def delete_policy(request: Request, policy_id: UUID) -> Response:
    """Ask for a policy's removal; rotations that it began go on."""
    await parts_of(request).change_policy.remove(asker_of(request), policy_id)
    return as_json({"id": policy_id}, 202)


@router.get("/rotation-freezes", response_model=Page[Freeze])
@needs(Permission.READ_AUTOMATION, narrows=True)
async def list_freezes(request: Request) -> Response:
    """Return the freezes that are not over, the next first."""
    return as_page(await rotation_policies.list_freezes(parts_of(request).pool), None)


@router.post("/rotation-freezes", status_code=202, response_model=ChangeAsked)
@needs(Permission.MANAGE_POLICIES)
async def add_freeze(request: Request, body: FreezeRequest, key: IdempotencyKey = None) -> Response:
    """Ask that no rotation by a policy begins in a time; those under way go on."""
    wanted = Freezing(starts_at=body.starts_at, ends_at=body.ends_at, reason=body.reason)
    return accepted_answer(
        await parts_of(request).change_policy.freeze(asker_of(request), wanted, key)
    )


@router.delete("/rotation-freezes/{freeze_id}", status_code=202, response_model=ChangeAsked)
@needs(Permission.MANAGE_POLICIES)
async def delete_freeze(request: Request, freeze_id: UUID) -> Response:
    """Ask that a freeze be taken back: what waited for its end begins."""
    await parts_of(request).change_policy.unfreeze(asker_of(request), freeze_id)
    return as_json({"id": freeze_id}, 202)


@router.get("/rotation-suggestions", response_model=SuggestionPage)
@needs(Permission.READ_AUTOMATION, narrows=True)
async def list_suggestions(
    request: Request,
    band: Annotated[list[Band] | None, Query(description="Only these; may be repeated.")] = None,
    confirmed: Annotated[bool | None, Query(description="Whether a person confirmed it.")] = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> Response:
    """Return which vault secrets could hold which applications' secrets, the likeliest first."""
    pool, scope = parts_of(request).pool, scope_of(request)
    bands = [one.value for one in band or ()]
    question = f"rotation-suggestions {sorted(bands)} {confirmed}"
    rows = await rotation_policies.list_suggestions(
        pool,
        bands=bands,
        confirmed=confirmed,
        after=_after(cursor, question),
        limit=limit + 1,
        scope=scope,
    )
    look = await rotation_policies.get_look(pool) if scope is None else None
    following = None
    if len(rows) > limit:
        last = rows[limit - 1]
        ended = Position(last["score"], last["item_id"], last["place_item_id"])
        following = encode(Cursor(None, str(ended)), question)
    meta = {"next_cursor": following, "total": None, "total_capped": False}
    return as_json({"data": rows[:limit], "meta": meta, "look": dict(look) if look else None})


@router.post("/rotation-suggestions", status_code=202, response_model=LookAsked)
@needs(Permission.MANAGE_CREDENTIALS, narrows=True)
async def request_suggestions(request: Request) -> Response:
    """Ask for a new look; without it there is one after each scan, and every hour."""
    asker = asker_of(request)
    await parts_of(request).change_policy.suggest(asker)
    return as_json({"requested_by": asker.name}, 202)


def _after(cursor: str | None, question: str) -> Position | None:
    found = position(cursor, question)
    if found is None:
        return None
    after = Position.parse(found.id)
    if after is None:
        raise FilterError("cursor", DAMAGED)
    return after
