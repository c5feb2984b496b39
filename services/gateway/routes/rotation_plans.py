"""What a rotation would do, and what holds rotations back."""

from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.gateway.domain import problem
from services.gateway.domain.role import Permission
from services.gateway.middleware.caller import parts_of
from services.gateway.middleware.guard import GuardedRoute, needs, scope_of
from services.gateway.queries import pauses, rotations
from services.gateway.queries.rotation_credentials import get_credential
from services.gateway.routes.accepted import accepted_answer
from services.gateway.routes.answers import as_json
from services.gateway.routes.asker import asker_of
from services.gateway.routes.parameters import IdempotencyKey
from services.gateway.routes.rotation_answers import (
    PauseAccepted,
    PauseList,
    PauseRequest,
    PlanAccepted,
    PlanAnswer,
    PlanRequest,
)

router = APIRouter(prefix="/api/v1/rotations", route_class=GuardedRoute, tags=["rotations"])


@router.post("/plans", status_code=202, response_model=PlanAccepted, responses={404: {}})
@needs(Permission.PLAN_ROTATION, narrows=True)
async def request_plan(request: Request, body: PlanRequest, key: IdempotencyKey = None) -> Response:
    """Ask what a rotation would do. Only looks; follow `Location` for the plan."""
    accepted = await parts_of(request).request_rotation.plan(
        asker_of(request), body.credential_id, key, emergency=body.emergency
    )
    return accepted_answer(accepted)


@router.get("/plans/{plan_id}", response_model=PlanAnswer)
@needs(Permission.READ_AUTOMATION, narrows=True)
async def get_plan(request: Request, plan_id: UUID) -> Response:
    """Return a plan; 404 until the rotator has made it, and after 30 days."""
    pool = parts_of(request).pool
    row = await rotations.get_plan(pool, plan_id)
    if row is None or not await get_credential(pool, row["credential_id"], scope_of(request)):
        raise problem.not_found("plan")
    return as_json(dict(row))


@router.get("/pauses", response_model=PauseList)
@needs(Permission.READ_AUTOMATION, narrows=True)
async def list_pauses(request: Request) -> Response:
    """Return what is paused; rotations that it concerns change nothing meanwhile."""
    rows = await pauses.list_pauses(parts_of(request).pool, scope_of(request))
    return as_json({"data": [dict(row) for row in rows]})


@router.put("/pauses", status_code=202, response_model=PauseAccepted, responses={404: {}})
@needs(Permission.REQUEST_ROTATION, narrows=True)
async def put_pause(request: Request, body: PauseRequest) -> Response:
    """Pause or resume rotations of everything, a subscription or a credential.

    Resuming everything asks for a password given within 5 minutes.
    """
    target = body.target.lower()
    await parts_of(request).pause_rotations(
        asker_of(request), body.scope, target, paused=body.paused, reason=body.reason
    )
    return as_json({"scope": body.scope, "target": target, "paused": body.paused}, 202)
