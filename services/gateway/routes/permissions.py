"""What discovery's identity needs, has, lacks, and has too much."""

from datetime import datetime
from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from services.gateway.domain.cursor import Cursor, encode
from services.gateway.domain.role import Permission
from services.gateway.middleware.caller import caller_of, parts_of
from services.gateway.middleware.envelope import request_uuid
from services.gateway.middleware.guard import GuardedRoute, needs, session_of
from services.gateway.queries import permissions
from services.gateway.routes.accepted import accepted_answer
from services.gateway.routes.answers import Meta, as_json, position, whole
from services.gateway.routes.parameters import CursorText, IdempotencyKey, Limit
from shared.events.permissions import Answer

router = APIRouter(prefix="/api/v1/permissions", route_class=GuardedRoute, tags=["permissions"])

State = Literal["excess", "missing", "unknown", "needed", "have"]
STATES: Final = Query(description="Only rows in these states; none means all.")


class PermissionCheck(BaseModel):
    """One look at what the identity may do, whole; `unknown` counts what could not be tried."""

    id: UUID
    began_at: datetime
    finished_at: datetime
    requested_by: str
    could_read_values: Answer = Field(description="Whether it could come to any vault's value.")
    vaults: int
    excess: int
    missing: int
    unknown: int
    object_id: str | None = Field(description="As the token says; none if it could not be read.")
    client_id: str | None
    tenant_id: str | None


class PermissionRow(BaseModel):
    """A permission on a scope and how it stands, with the command that mends it."""

    n: int
    permission: str
    scope: str
    state: State
    why: str
    remedy: str | None
    reads_values: bool = Field(description="An excess with which it could come to a value.")
    vault_name: str | None
    could_read_values: Answer | None = Field(description="The whole vault's answer.")


class Permissions(BaseModel):
    """The newest check and a page of its rows, the worst first; no check yet: none and no rows."""

    check: PermissionCheck | None
    data: list[PermissionRow]
    meta: Meta


class CheckAccepted(BaseModel):
    """A check was asked for; the one that began after `requested_at` is the answer."""

    requested_at: datetime


@router.get("", response_model=Permissions)
@needs(Permission.READ_SYSTEM)
async def list_permissions(
    request: Request,
    state: Annotated[list[State], STATES] = [],  # noqa: B006 - FastAPI copies it
    limit: Limit = 100,
    cursor: CursorText = None,
) -> Response:
    """Return what the newest check found. It stands, with its time, until another one has ended."""
    pool = parts_of(request).pool
    check = await permissions.get_last_check(pool)
    if check is None:
        return as_json({"check": None, "data": [], "meta": _meta(None)})
    question = f"permissions/{check['id']}"
    after = whole(position(cursor, question))
    rows = await permissions.list_permissions(
        pool, check["id"], states=state, after=after, limit=limit + 1
    )
    page = [dict(row) for row in rows[:limit]]
    following = encode(Cursor(None, str(page[-1]["n"])), question) if len(rows) > limit else None
    return as_json({"check": check, "data": page, "meta": _meta(following)})


@router.post("/check", status_code=202, response_model=CheckAccepted)
@needs(Permission.REQUEST_SCAN)
async def request_check(request: Request, key: IdempotencyKey = None) -> Response:
    """Ask for a check now. Asking again while one waits costs nothing more."""
    accepted = await parts_of(request).request_permission_check(
        session_of(request), course=request_uuid(request), caller=caller_of(request), key=key
    )
    return accepted_answer(accepted)


def _meta(following: str | None) -> dict[str, object]:
    return {"next_cursor": following, "total": None, "total_capped": False}
