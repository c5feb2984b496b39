"""Subscriptions: which there are, and which of them scans look at."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field, StrictBool
from starlette.responses import Response

from services.gateway.domain.role import Permission
from services.gateway.middleware.caller import caller_of, parts_of
from services.gateway.middleware.envelope import request_uuid
from services.gateway.middleware.guard import GuardedRoute, needs, session_of
from services.gateway.queries.subscriptions import list_subscriptions
from services.gateway.routes.answers import Page, as_json, as_page
from services.gateway.routes.parameters import STORABLE

router = APIRouter(prefix="/api/v1/subscriptions", route_class=GuardedRoute, tags=["subscriptions"])

SubscriptionId = Annotated[str, Path(max_length=100, pattern=STORABLE)]


class Subscription(BaseModel):
    """A subscription that the identity saw. To add one, give the identity its roles there."""

    id: str
    name: str
    state: str = Field(description="As Azure says it, such as Enabled.")
    seen_at: datetime = Field(description="When it was listed last.")
    watched: bool = Field(description="Scans look at it.")
    watch_requested_by: str | None = Field(description="Who asked for that; null: nobody yet.")
    watch_asked_at: datetime | None
    vaults: int
    items: int
    unread: int = Field(description="Vaults whose last look did not see everything.")
    last_scanned_at: datetime | None
    grants_outcome: str | None = Field(description="Whether role assignments could be listed.")
    grants_reason: str | None
    grants_remedy: str | None


class Watch(BaseModel):
    """Whether scans look at it from now on."""

    model_config = ConfigDict(extra="forbid")

    watched: StrictBool


class WatchAccepted(BaseModel):
    """The change was asked for; the next scan goes by it."""

    id: str
    watched: bool


@router.get("", response_model=Page[Subscription])
@needs(Permission.READ_INVENTORY)
async def list_all(request: Request) -> Response:
    """Return every subscription that was ever seen. `POST /api/v1/permissions/check` tests them."""
    return as_page(await list_subscriptions(parts_of(request).pool), None)


@router.put(
    "/{subscription_id}", status_code=202, response_model=WatchAccepted, responses={404: {}}
)
@needs(Permission.MANAGE_SUBSCRIPTIONS)
async def watch(request: Request, subscription_id: SubscriptionId, body: Watch) -> Response:
    """Let scans leave a subscription out by choice, or look at it again.

    What is known of it stays, and is neither deleted nor called unreadable.
    """
    await parts_of(request).request_subscription.watch(
        session_of(request),
        subscription_id.lower(),
        watched=body.watched,
        course=request_uuid(request),
        caller=caller_of(request),
    )
    return as_json({"id": subscription_id.lower(), "watched": body.watched}, 202)
