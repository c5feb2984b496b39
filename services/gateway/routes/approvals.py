"""Requests that need a second person: who asked for what, and what was decided."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from services.gateway.domain import problem
from services.gateway.domain.approval import Act, Approval, Decision, State, state_of
from services.gateway.domain.role import Permission
from services.gateway.middleware.caller import caller_of, parts_of
from services.gateway.middleware.guard import GuardedRoute, needs, session_of
from services.gateway.routes.answers import as_json
from services.gateway.routes.parameters import Limit, Reason
from services.gateway.store import approvals

router = APIRouter(prefix="/api/v1/approvals", route_class=GuardedRoute, tags=["approvals"])

PlanHash = Annotated[
    str,
    Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the plan, as the request shows it."),
]


class Asked(BaseModel):
    """A request that waits for somebody else."""

    id: UUID
    plan_hash: str
    expires_at: datetime


class ApprovalAnswer(BaseModel):
    """A request, its plan and what became of it."""

    id: UUID
    act: Act
    plan: dict[str, Any] = Field(description="What would be done, by names and ids.")
    plan_hash: str
    reason: str
    requester: str
    requested_at: datetime
    expires_at: datetime
    state: State
    decider: str | None
    decided_at: datetime | None
    decision_reason: str | None
    used_at: datetime | None


class ApprovalList(BaseModel):
    """Requests, the newest first."""

    data: list[ApprovalAnswer]


class Consent(BaseModel):
    """Which plan was seen."""

    model_config = ConfigDict(extra="forbid")

    plan_hash: PlanHash
    reason: Reason = ""


class Withdrawal(BaseModel):
    """Why a request is taken back."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason = ""


@router.get("", response_model=ApprovalList)
@needs(Permission.READ_AUTOMATION)
async def list_approvals(
    request: Request,
    state: Annotated[Literal["pending"] | None, Query(description="None: all.")] = None,
    limit: Limit = 100,
) -> Response:
    """Return requests, the newest first."""
    parts = parts_of(request)
    now = parts.clock()
    open_at = now if state else None
    found = await approvals.list_approvals(parts.pool, open_at=open_at, limit=limit)
    return as_json({"data": [_shown(one, now) for one in found]})


@router.get("/{approval_id}", response_model=ApprovalAnswer)
@needs(Permission.READ_AUTOMATION)
async def get_approval(request: Request, approval_id: UUID) -> Response:
    """Return one request with its plan."""
    return await _answer(request, approval_id)


@router.post("/{approval_id}/approve", response_model=ApprovalAnswer)
@needs(Permission.APPROVE)
async def approve(request: Request, approval_id: UUID, body: Consent) -> Response:
    """Approve a plan that somebody else asked for, within 5 minutes of giving your password."""
    return await _decide(request, approval_id, Decision.APPROVED, body.plan_hash, body.reason)


@router.post("/{approval_id}/reject", response_model=ApprovalAnswer)
@needs(Permission.APPROVE)
async def reject(request: Request, approval_id: UUID, body: Consent) -> Response:
    """Reject a plan that somebody else asked for."""
    return await _decide(request, approval_id, Decision.REJECTED, body.plan_hash, body.reason)


@router.post("/{approval_id}/withdraw", response_model=ApprovalAnswer)
@needs(Permission.OWN_SESSION)
async def withdraw(request: Request, approval_id: UUID, body: Withdrawal) -> Response:
    """Take back a request of your own that nobody has decided about."""
    return await _decide(request, approval_id, Decision.WITHDRAWN, "", body.reason)


async def _decide(
    request: Request, approval_id: UUID, decision: Decision, plan_hash: str, reason: str
) -> Response:
    await parts_of(request).approvals.decide(
        session_of(request),
        approval_id,
        decision,
        plan_hash=bytes.fromhex(plan_hash),
        reason=reason,
        caller=caller_of(request),
    )
    return await _answer(request, approval_id)


async def _answer(request: Request, approval_id: UUID) -> Response:
    parts = parts_of(request)
    found = await approvals.get_approval(parts.pool, approval_id)
    if found is None:
        raise problem.not_found("approval")
    return as_json(_shown(found, parts.clock()))


def _shown(approval: Approval, now: datetime) -> dict[str, Any]:
    return {
        "id": approval.id,
        "act": approval.act,
        "plan": approval.plan,
        "plan_hash": approval.plan_hash.hex(),
        "reason": approval.reason,
        "requester": approval.requester,
        "requested_at": approval.requested_at,
        "expires_at": approval.expires_at,
        "state": state_of(approval, now),
        "decider": approval.decider,
        "decided_at": approval.decided_at,
        "decision_reason": approval.decision_reason,
        "used_at": approval.used_at,
    }
