"""One's own API tokens, for programs."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.responses import Response

from services.gateway.domain.api_token import LONGEST_DAYS
from services.gateway.domain.client_ip import parse_networks
from services.gateway.domain.role import Permission
from services.gateway.middleware.caller import caller_of, parts_of
from services.gateway.middleware.guard import GuardedRoute, needs, session_of
from services.gateway.routes.answers import as_json
from services.gateway.store.api_tokens import list_api_tokens

router = APIRouter(prefix="/api/v1/auth/tokens", route_class=GuardedRoute, tags=["auth"])


def _network(text: str) -> str:
    """Return a network in its canonical form; refuse what is none, and what is everywhere."""
    found = parse_networks(text)
    if len(found) != 1:
        raise ValueError("it is one network, such as 203.0.113.0/24")
    return str(found[0])


class ApiToken(BaseModel):
    """A token without its text, which nobody can read again."""

    id: UUID
    name: str
    permissions: list[Permission]
    networks: list[str]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None = Field(description="To the minute.")


class ApiTokenList(BaseModel):
    """My tokens, the newest first."""

    data: list[ApiToken]


class NewApiToken(BaseModel):
    """What a program may do in my name, from where, and for how long."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=40, pattern=r"^[^\x00-\x1f\x7f/]+$")
    permissions: list[Permission] = Field(
        min_length=1, max_length=len(Permission), description="None that my role does not include."
    )
    networks: list[Annotated[str, AfterValidator(_network)]] = Field(
        default=[], max_length=50, description="Where it works from; none: from everywhere."
    )
    days: int = Field(default=90, ge=1, le=LONGEST_DAYS)


class ApiTokenCreated(BaseModel):
    """The token. It is shown this once; send it as `Authorization: Bearer …`."""

    id: UUID
    token: str
    expires_at: datetime


@router.get("", response_model=ApiTokenList)
@needs(Permission.OWN_TOKENS)
async def list_tokens(request: Request) -> Response:
    """Return my tokens and when each was last used."""
    rows = await list_api_tokens(parts_of(request).pool, session_of(request).user_id)
    return as_json({"data": [dict(row) for row in rows]})


@router.post("", status_code=201, response_model=ApiTokenCreated, responses={409: {}})
@needs(Permission.OWN_TOKENS)
async def create_token(request: Request, body: NewApiToken) -> Response:
    """Make a token. It takes no Idempotency-Key: what is shown once cannot be shown again."""
    made = await parts_of(request).api_tokens.add(
        session_of(request),
        name=body.name,
        permissions=body.permissions,
        networks=body.networks,
        days=body.days,
        caller=caller_of(request),
    )
    return as_json({"id": made.id, "token": made.token, "expires_at": made.expires_at}, 201)


@router.delete("/{token_id}", status_code=204, response_class=Response)
@needs(Permission.OWN_TOKENS)
async def revoke_token(request: Request, token_id: UUID) -> Response:
    """Revoke one of my tokens; it stops working at once, on every replica."""
    await parts_of(request).api_tokens.revoke(session_of(request), token_id, caller_of(request))
    return Response(status_code=204)
