"""Signing in and out, and who I am."""

from typing import Annotated, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from starlette.responses import Response

from services.gateway.domain.cookie import COOKIE
from services.gateway.domain.role import Permission
from services.gateway.domain.session import LIFETIME, Carrier, Session, permissions_of
from services.gateway.middleware.caller import caller_of, parts_of
from services.gateway.middleware.guard import (
    GuardedRoute,
    needs,
    refuse_foreign_page,
    session_of,
)
from services.gateway.routes.answers import as_json
from services.gateway.routes.parameters import Code, Password, Username
from services.gateway.steps.authenticate import spend_sign_in
from services.gateway.steps.set_up import hand_over, redeem
from services.gateway.steps.sign_in import SignedIn

router = APIRouter(prefix="/api/v1/auth", route_class=GuardedRoute, tags=["auth"])


class LoginRequest(BaseModel):
    """Name and password; with a set-up token they become an administrator's."""

    model_config = ConfigDict(extra="forbid")

    username: Username
    password: Password
    setup_token: Annotated[SecretStr, Field(max_length=200)] | None = Field(
        default=None,
        description="The one-time token that `certifyclouds up` prints, or `certifyclouds"
        " break-glass`.",
    )
    code: Code | None = None
    session: Literal["bearer", "cookie"] = Field(
        default="bearer",
        description="`bearer` returns the token; `cookie` sets it where scripts cannot read it.",
    )


class Me(BaseModel):
    """Who is signed in, and until when."""

    username: str
    role: str
    scope: str
    must_change_password: bool
    second_factor: bool
    permissions: list[str]
    session_expires_at: str


class LoginAnswer(BaseModel):
    """A session has begun. The token is there for bearer sessions only."""

    username: str
    role: str
    must_change_password: bool = Field(
        description="Somebody else knows it: it opens nothing but POST /api/v1/auth/password."
    )
    expires_in: int
    access_token: str | None = None
    token_type: str | None = None


@router.post(
    "/login",
    response_model=LoginAnswer,
    responses={401: {}, 403: {}, 409: {}, 429: {}, 503: {}},
)
@needs(Permission.OPEN)
async def login(request: Request, body: LoginRequest) -> Response:
    """Sign in, or become an administrator with a set-up token.

    A session lasts eight hours, or one hour without use. After five failures an account waits 15
    minutes; all failures get the same answer.
    """
    parts, caller, carrier = parts_of(request), caller_of(request), Carrier(body.session)
    if carrier is Carrier.COOKIE:
        refuse_foreign_page(request)
    limit = parts.settings.logins_per_minute
    bucket = await spend_sign_in(parts.pool, caller, per_minute=limit, clock=parts.clock)
    request.state.response_headers = bucket.headers
    password = body.password.get_secret_value()
    if body.setup_token is None:
        signed_in = await parts.sign_in.open(
            body.username, password, body.code, carrier=carrier, caller=caller
        )
    else:
        token = body.setup_token.get_secret_value()
        signed_in = await redeem(
            parts.sign_in, token, body.username, password, carrier=carrier, caller=caller
        )
        if file := parts.settings.token_file:
            await hand_over(None, file)
    return _welcome(signed_in)


@router.post("/logout", status_code=204, response_class=Response)
@needs(Permission.OWN_SESSION)
async def logout(request: Request) -> Response:
    """End this session at once, on every replica."""
    await parts_of(request).sign_in.close(session_of(request), caller_of(request))
    response = Response(status_code=204)
    response.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="strict")
    return response


@router.get("/me", response_model=Me)
@needs(Permission.READ_SELF)
async def me(request: Request) -> Response:
    """Return who is signed in and what the role includes."""
    session = session_of(request)
    return as_json(
        {
            "username": session.username,
            "role": session.role,
            "scope": session.scope,
            "must_change_password": session.must_change_password,
            "second_factor": session.second_factor,
            "permissions": permissions_of(session),
            "session_expires_at": session.expires_at,
        }
    )


def _welcome(signed_in: SignedIn) -> Response:
    session = signed_in.session
    seconds = int(LIFETIME.total_seconds())
    answer: dict[str, object] = {
        "username": session.username,
        "role": session.role,
        "must_change_password": session.must_change_password,
        "expires_in": seconds,
    }
    if session.carrier is Carrier.BEARER:
        answer |= {"access_token": signed_in.token, "token_type": "bearer"}
        return as_json(answer)
    response = as_json(answer)
    _set_cookie(response, session, signed_in.token)
    return response


def _set_cookie(response: Response, session: Session, token: str) -> None:
    """Set the cookie that only this origin over HTTPS (or loopback) gets back."""
    seconds = int((session.expires_at - session.created_at).total_seconds())
    response.set_cookie(
        COOKIE, token, max_age=seconds, path="/", secure=True, httponly=True, samesite="strict"
    )
