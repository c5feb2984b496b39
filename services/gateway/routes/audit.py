"""The audit log: who did what, and the whole of it to take away and verify."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response, StreamingResponse

from services.gateway.domain.cursor import Cursor, encode
from services.gateway.domain.role import Permission
from services.gateway.middleware.caller import caller_of, parts_of
from services.gateway.middleware.guard import GuardedRoute, needs, session_of
from services.gateway.routes.answers import Page, as_page, position, whole
from services.gateway.routes.parameters import STORABLE, CursorText, Instant, Limit
from shared.audit import list_entries

router = APIRouter(prefix="/api/v1/audit", route_class=GuardedRoute, tags=["audit"])

_MEDIA = {"jsonl": "application/jsonl", "csv": "text/csv; charset=utf-8"}

Name = Annotated[str | None, Query(max_length=300, pattern=STORABLE)]


class AuditEntry(BaseModel):
    """One act. Names and counts; never a value."""

    id: int
    at: datetime
    service: str
    action: str
    actor: str
    subject: str
    outcome: str
    correlation_id: UUID | None
    address: str | None
    scope: str | None
    reason: str | None
    amount: int | None
    before: str | None
    after: str | None
    position: int | None = Field(description="Its place in the chain; null: not sealed yet (2 s).")


@router.get("", response_model=Page[AuditEntry])
@needs(Permission.READ_AUDIT)
async def list_audit(
    request: Request,
    since: Annotated[Instant | None, Query(alias="from")] = None,
    until: Annotated[Instant | None, Query(alias="to")] = None,
    action: Name = None,
    actor: Name = None,
    outcome: Literal["done", "refused", "failed"] | None = None,
    limit: Limit = 100,
    cursor: CursorText = None,
) -> Response:
    """Return what was done, newest first. `action` is one, or all of a subject (`session`)."""
    question = f"audit/{since}/{until}/{action}/{actor}/{outcome}"
    rows = await list_entries(
        parts_of(request).pool,
        before=whole(position(cursor, question)),
        since=since,
        until=until,
        action=action,
        actor=actor,
        outcome=outcome,
        limit=limit + 1,
    )
    page = rows[:limit]
    following = encode(Cursor(None, str(page[-1]["id"])), question) if len(rows) > limit else None
    return as_page(page, following)


@router.get(
    "/export",
    response_class=StreamingResponse,
    responses={200: {"content": {media: {} for media in _MEDIA.values()}}},
)
@needs(Permission.READ_AUDIT)
async def export_audit(
    request: Request, form: Annotated[Literal["jsonl", "csv"], Query(alias="format")] = "jsonl"
) -> Response:
    """Return the whole log as one consistent picture, in the order of the chain.

    `certifyclouds audit verify` checks the JSON lines without a database. In the CSV a quote stands
    before what a spreadsheet would compute.
    """
    parts = await parts_of(request).export_audit.begin(
        session_of(request), form, caller_of(request)
    )
    name = f'attachment; filename="audit.{form}"'
    return StreamingResponse(parts, media_type=_MEDIA[form], headers={"content-disposition": name})
