"""Asking for scans and following them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from services.gateway.domain import problem
from services.gateway.domain.role import Permission
from services.gateway.middleware.caller import caller_of, parts_of
from services.gateway.middleware.envelope import request_uuid
from services.gateway.middleware.guard import GuardedRoute, needs, session_of
from services.gateway.queries import scans
from services.gateway.routes.answers import (
    Page,
    Scan,
    ScanVault,
    as_json,
    cut,
    instant_and_uuid,
    position,
    whole,
)
from services.gateway.routes.parameters import (
    CursorText,
    IdempotencyKey,
    Limit,
    ScopeText,
    SubscriptionIds,
)
from shared.events.scanning import ScanMode

router = APIRouter(prefix="/api/v1/scans", route_class=GuardedRoute, tags=["scans"])


class ScanRequest(BaseModel):
    """How much to look at again."""

    model_config = ConfigDict(extra="forbid")

    mode: ScanMode = ScanMode.FULL
    subscriptions: SubscriptionIds = Field(
        default=[], description="Ids of subscriptions; none means all."
    )
    selector: ScopeText = ""


class ScanAccepted(BaseModel):
    """The scan was asked for; follow it by its id."""

    id: UUID
    state: str
    mode: str


@router.post("", status_code=202, response_model=ScanAccepted)
@needs(Permission.REQUEST_SCAN)
async def request_scan(request: Request, body: ScanRequest, key: IdempotencyKey = None) -> Response:
    """Ask for a scan. It runs in the background: follow `Location`, or the live stream."""
    accepted = await parts_of(request).request_scan(
        session_of(request),
        mode=body.mode,
        subscriptions=tuple(body.subscriptions),
        selector=body.selector,
        course=request_uuid(request),
        caller=caller_of(request),
        key=key,
    )
    headers = {"location": accepted.location}
    if accepted.again:
        headers["idempotent-replayed"] = "true"
    return as_json(accepted.answer, 202, headers)


@router.get("", response_model=Page[Scan])
@needs(Permission.READ_INVENTORY)
async def list_scans(request: Request, limit: Limit = 50, cursor: CursorText = None) -> Response:
    """Return scans, newest first."""
    before = instant_and_uuid(position(cursor, "scans", instant=True))
    rows = await scans.list_scans(parts_of(request).pool, before=before, limit=limit + 1)
    return cut(rows, limit, question="scans", key="requested_at")


@router.get("/{scan_id}", response_model=Scan)
@needs(Permission.READ_INVENTORY)
async def get_scan(request: Request, scan_id: UUID) -> Response:
    """Return one scan; while it runs, its figures grow."""
    row = await scans.get_scan(parts_of(request).pool, scan_id)
    if row is None:
        raise problem.not_found("scan")
    return as_json(dict(row))


@router.get("/{scan_id}/vaults", response_model=Page[ScanVault])
@needs(Permission.READ_INVENTORY)
async def list_scan_vaults(
    request: Request,
    scan_id: UUID,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    cursor: CursorText = None,
) -> Response:
    """Return what looking at each vault came to; a vault that could not be read says why."""
    pool, question = parts_of(request).pool, f"scan/{scan_id}/vaults"
    after = whole(position(cursor, question))
    if await scans.get_scan(pool, scan_id) is None:
        raise problem.not_found("scan")
    rows = await scans.list_scan_vaults(pool, scan_id, after=after, limit=limit + 1)
    return cut(rows, limit, question=question, key="", row_id="vault_id")
