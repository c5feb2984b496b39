"""One's own password and sessions."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from services.gateway.domain.role import Permission
from services.gateway.middleware.caller import caller_of, parts_of
from services.gateway.middleware.guard import GuardedRoute, needs, session_of
from services.gateway.routes.answers import as_json
from services.gateway.routes.parameters import Code, NewPassword, Password
from services.gateway.steps.authenticate import spend_sign_in

router = APIRouter(prefix="/api/v1/auth", route_class=GuardedRoute, tags=["auth"])


class Confirmation(BaseModel):
    """The password, given again, and a code where there is a second factor."""

    model_config = ConfigDict(extra="forbid")

    password: Password
    code: Code | None = None


class PasswordChange(BaseModel):
    """The present password and the one that takes its place."""

    model_config = ConfigDict(extra="forbid")

    present_password: Password
    code: Code | None = None
    password: NewPassword = Field(description="12 to 128 characters; a few words make a good one.")


class OwnSession(BaseModel):
    """A place where I am signed in."""

    id: UUID
    carrier: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    network: str
    user_agent: str
    current: bool


class OwnSessions(BaseModel):
    """My living sessions, the last used first."""

    data: list[OwnSession]


class Ended(BaseModel):
    """How many sessions were ended."""

    count: int


@router.post("/confirm", status_code=204, response_class=Response)
@needs(Permission.OWN_SESSION)
async def confirm(request: Request, body: Confirmation) -> Response:
    """Give the password again: for five minutes this session may do what asks for it."""
    await _spend(request)
    await parts_of(request).own_account.confirm(
        session_of(request), body.password.get_secret_value(), body.code, caller_of(request)
    )
    return Response(status_code=204)


@router.post("/password", response_model=Ended)
@needs(Permission.OWN_SESSION)
async def change_password(request: Request, body: PasswordChange) -> Response:
    """Choose another password. My other sessions end at once."""
    await _spend(request)
    count = await parts_of(request).own_account.change_password(
        session_of(request),
        body.present_password.get_secret_value(),
        body.password.get_secret_value(),
        body.code,
        caller_of(request),
    )
    return as_json({"count": count})


@router.get("/sessions", response_model=OwnSessions)
@needs(Permission.OWN_SESSION)
async def list_sessions(request: Request) -> Response:
    """Return where I am signed in."""
    found = await parts_of(request).own_account.list_sessions(session_of(request))
    return as_json({"data": found})


@router.delete("/sessions", response_model=Ended)
@needs(Permission.OWN_SESSION)
async def end_other_sessions(request: Request) -> Response:
    """End my other sessions at once, on every replica."""
    count = await parts_of(request).own_account.end_others(session_of(request), caller_of(request))
    return as_json({"count": count})


@router.delete("/sessions/{session_id}", status_code=204, response_class=Response)
@needs(Permission.OWN_SESSION)
async def end_session(request: Request, session_id: UUID) -> Response:
    """End one of my sessions at once, on every replica."""
    await parts_of(request).own_account.end_one(session_of(request), session_id, caller_of(request))
    return Response(status_code=204)


async def _spend(request: Request) -> None:
    """Take one sign-in from the network's limit: guessing here is guessing there."""
    parts = parts_of(request)
    bucket = await spend_sign_in(
        parts.pool,
        caller_of(request),
        per_minute=parts.settings.logins_per_minute,
        clock=parts.clock,
    )
    request.state.response_headers = bucket.headers
