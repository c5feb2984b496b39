"""Rotations: which there are, asking for one, and deciding about one that is under way."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from services.gateway.domain import problem
from services.gateway.domain.role import Permission
from services.gateway.domain.rotation import State, recourse
from services.gateway.middleware.caller import parts_of
from services.gateway.middleware.guard import GuardedRoute, needs, scope_of
from services.gateway.queries import rotations
from services.gateway.queries.rotations import RotationFilter
from services.gateway.routes.accepted import accepted_answer
from services.gateway.routes.answers import Page, as_json, cut, instant_and_uuid, position
from services.gateway.routes.asker import asker_of
from services.gateway.routes.parameters import CursorText, IdempotencyKey, Limit
from services.gateway.routes.rotation_answers import (
    Approved,
    ChangeAccepted,
    Rotation,
    RotationAccepted,
    RotationDetail,
    RotationRequest,
    Why,
)
from services.gateway.steps.change_rotation import Change, as_rotation
from services.gateway.steps.request_rotation import Wanted
from shared.events.rotation import RotationChange

router = APIRouter(prefix="/api/v1/rotations", route_class=GuardedRoute, tags=["rotations"])


@router.get("", response_model=Page[Rotation])
@needs(Permission.READ_AUTOMATION, narrows=True)
async def list_rotations(
    request: Request,
    state: Annotated[list[State] | None, Query(max_length=len(State))] = None,
    credential_id: UUID | None = None,
    over: Annotated[bool | None, Query(description="Whether it has ended.")] = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> Response:
    """Return rotations, those that were asked for last first."""
    question = f"rotations/{'+'.join(sorted(state or ()))}/{credential_id}/{over}"
    rows = await rotations.list_rotations(
        parts_of(request).pool,
        RotationFilter(states=state or (), credential_id=credential_id, over=over),
        before=instant_and_uuid(position(cursor, question, instant=True)),
        limit=limit + 1,
        scope=scope_of(request),
    )
    return cut(rows, limit, question=question, key="requested_at")


@router.post("", status_code=202, response_model=RotationAccepted, responses={404: {}, 409: {}})
@needs(Permission.REQUEST_ROTATION, narrows=True)
async def request_rotation(
    request: Request, body: RotationRequest, key: IdempotencyKey = None
) -> Response:
    """Ask for a rotation. Where `APPROVAL_REQUIRED` says so, somebody else approves its plan.

    An emergency needs a reason, the credential's name, and a password given within 5 minutes.
    """
    wanted = Wanted(**body.model_dump())
    return accepted_answer(await parts_of(request).request_rotation(asker_of(request), wanted, key))


@router.get("/{rotation_id}", response_model=RotationDetail)
@needs(Permission.READ_AUTOMATION, narrows=True)
async def get_rotation(request: Request, rotation_id: UUID) -> Response:
    """Return one rotation: its secrets, its steps, its plan, and whether it can be taken back."""
    pool = parts_of(request).pool
    row = await rotations.get_rotation(pool, rotation_id, scope_of(request))
    if row is None:
        raise problem.not_found("rotation")
    return as_json(
        {
            **dict(row),
            "places": [dict(one) for one in await rotations.list_places(pool, rotation_id)],
            "steps": [dict(one) for one in await rotations.list_steps(pool, rotation_id)],
            "recourse": recourse(await as_rotation(pool, row)),
            "plan": await rotations.get_document(pool, rotation_id),
        }
    )


@router.post(
    "/{rotation_id}/approve", status_code=202, response_model=ChangeAccepted, responses={409: {}}
)
@needs(Permission.APPROVE, narrows=True)
async def approve(
    request: Request, rotation_id: UUID, body: Approved, key: IdempotencyKey = None
) -> Response:
    """Approve a plan that somebody else asked for, within 5 minutes of giving your password."""
    change = Change(what=RotationChange.APPROVE, reason=body.reason, plan_hash=body.plan_hash)
    return await _change(request, rotation_id, change, key)


@router.post(
    "/{rotation_id}/reject", status_code=202, response_model=ChangeAccepted, responses={409: {}}
)
@needs(Permission.APPROVE, narrows=True)
async def reject(
    request: Request, rotation_id: UUID, body: Why, key: IdempotencyKey = None
) -> Response:
    """Reject a rotation that waits for an approval."""
    change = Change(what=RotationChange.REJECT, reason=body.reason)
    return await _change(request, rotation_id, change, key)


@router.post(
    "/{rotation_id}/withdraw", status_code=202, response_model=ChangeAccepted, responses={409: {}}
)
@needs(Permission.REQUEST_ROTATION, narrows=True)
async def withdraw(
    request: Request, rotation_id: UUID, body: Why, key: IdempotencyKey = None
) -> Response:
    """Take back a rotation that you asked for and that has changed nothing yet."""
    change = Change(what=RotationChange.WITHDRAW, reason=body.reason)
    return await _change(request, rotation_id, change, key)


@router.post(
    "/{rotation_id}/roll-back", status_code=202, response_model=ChangeAccepted, responses={409: {}}
)
@needs(Permission.REQUEST_ROTATION, narrows=True)
async def roll_back(
    request: Request, rotation_id: UUID, body: Why, key: IdempotencyKey = None
) -> Response:
    """Put the old credential back, while it has not been removed."""
    change = Change(what=RotationChange.ROLL_BACK, reason=body.reason)
    return await _change(request, rotation_id, change, key)


async def _change(request: Request, rotation_id: UUID, change: Change, key: str | None) -> Response:
    accepted = await parts_of(request).change_rotation(asker_of(request), rotation_id, change, key)
    return accepted_answer(accepted)
