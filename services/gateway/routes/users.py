"""Users: who may sign in, what they may do, and how much they see."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from services.gateway.domain import problem
from services.gateway.domain.person import Person
from services.gateway.domain.role import Permission, Role
from services.gateway.middleware.caller import caller_of, parts_of
from services.gateway.middleware.guard import GuardedRoute, needs, session_of
from services.gateway.routes.accepted import accepted_answer
from services.gateway.routes.answers import as_json
from services.gateway.routes.own_account import Ended
from services.gateway.routes.parameters import IdempotencyKey, NewPassword, ScopeText, Username
from services.gateway.steps.people import Wanted
from services.gateway.store import users

router = APIRouter(prefix="/api/v1/users", route_class=GuardedRoute, tags=["users"])

IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        max_length=40,
        description="The `ETag` of the user as you saw it; refused if it was changed since.",
    ),
]
_SCOPE = "A selector of the vaults they see (`sub:prod-* tag:team=pay`); empty: everything."


class User(BaseModel):
    """Somebody who may sign in, unless disabled."""

    id: UUID
    username: str
    role: Role
    scope: str = Field(description=_SCOPE)
    disabled: bool
    must_change_password: bool
    created_at: datetime
    revision: int


class Users(BaseModel):
    """Everybody, by name."""

    data: list[User]


class NewUser(BaseModel):
    """Somebody new, with a first password that opens nothing but its own change."""

    model_config = ConfigDict(extra="forbid")

    username: Username
    password: NewPassword
    role: Role
    scope: ScopeText = ""


class UserAdded(BaseModel):
    """The new user."""

    id: UUID
    username: str
    role: Role
    scope: str


class UserChange(BaseModel):
    """Other rights; what is left out stays as it is."""

    model_config = ConfigDict(extra="forbid")

    role: Role | None = None
    scope: ScopeText | None = None
    disabled: bool | None = None


class FirstPassword(BaseModel):
    """A first password that opens nothing but its own change."""

    model_config = ConfigDict(extra="forbid")

    password: NewPassword


@router.get("", response_model=Users)
@needs(Permission.READ_USERS)
async def list_users(request: Request) -> Response:
    """Return everybody who was not removed."""
    people = await users.list_people(parts_of(request).pool)
    return as_json({"data": [_shown(person) for person in people]})


@router.post("", status_code=201, response_model=UserAdded, responses={409: {}})
@needs(Permission.MANAGE_USERS)
async def add_user(request: Request, body: NewUser, key: IdempotencyKey = None) -> Response:
    """Add somebody. A name is given once: the audit log tells people apart by it."""
    added = await parts_of(request).people.add(
        session_of(request),
        username=body.username,
        password=body.password.get_secret_value(),
        role=body.role,
        scope=body.scope,
        caller=caller_of(request),
        key=key,
    )
    return accepted_answer(added, 201)


@router.get("/{user_id}", response_model=User)
@needs(Permission.READ_USERS)
async def get_user(request: Request, user_id: UUID) -> Response:
    """Return one user; `ETag` is for `If-Match`."""
    person = await users.get_person(parts_of(request).pool, user_id)
    if person is None:
        raise problem.not_found("user")
    return _answer(person)


@router.patch("/{user_id}", response_model=User, responses={412: {}})
@needs(Permission.MANAGE_USERS)
async def change_user(
    request: Request, user_id: UUID, body: UserChange, if_match: IfMatch = None
) -> Response:
    """Give somebody another role or scope, or let them sign in or not; effective at once."""
    person = await parts_of(request).people.change(
        session_of(request),
        user_id,
        Wanted(**body.model_dump()),
        revision=_revision(if_match),
        caller=caller_of(request),
    )
    return _answer(person)


@router.delete("/{user_id}", status_code=204, response_class=Response, responses={412: {}})
@needs(Permission.MANAGE_USERS)
async def remove_user(request: Request, user_id: UUID, if_match: IfMatch = None) -> Response:
    """Remove somebody for good: their sessions end at once, their name stays taken."""
    await parts_of(request).people.remove(
        session_of(request), user_id, revision=_revision(if_match), caller=caller_of(request)
    )
    return Response(status_code=204)


@router.put("/{user_id}/password", status_code=204, response_class=Response)
@needs(Permission.MANAGE_USERS)
async def reset_password(request: Request, user_id: UUID, body: FirstPassword) -> Response:
    """Give somebody another first password; their sessions end at once."""
    await parts_of(request).people.reset_password(
        session_of(request), user_id, body.password.get_secret_value(), caller=caller_of(request)
    )
    return Response(status_code=204)


@router.delete("/{user_id}/sessions", response_model=Ended)
@needs(Permission.MANAGE_USERS)
async def sign_out_user(request: Request, user_id: UUID) -> Response:
    """End all sessions and revoke all API tokens of somebody at once, on every replica."""
    count = await parts_of(request).people.sign_out(
        session_of(request), user_id, caller=caller_of(request)
    )
    return as_json({"count": count})


@router.delete("/{user_id}/second-factor", status_code=204, response_class=Response)
@needs(Permission.MANAGE_USERS)
async def remove_second_factor(request: Request, user_id: UUID) -> Response:
    """Take the second factor off somebody who lost it, and sign them out."""
    await parts_of(request).people.remove_second_factor(
        session_of(request), user_id, caller=caller_of(request)
    )
    return Response(status_code=204)


def _answer(person: Person) -> Response:
    return as_json(_shown(person), 200, {"etag": f'"{person.revision}"'})


def _shown(person: Person) -> dict[str, Any]:
    return {name: getattr(person, name) for name in User.model_fields}


def _revision(if_match: str | None) -> int | None:
    """Return the revision that an entity tag names (RFC 9110, 8.8.3); raises `ProblemError`."""
    if if_match is None or if_match == "*":
        return None
    text = if_match.removeprefix("W/").strip('"')
    if not (text.isascii() and text.isdigit()):
        raise problem.changed_meanwhile()
    return int(text)
