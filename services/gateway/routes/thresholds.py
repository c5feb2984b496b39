"""When an item is a warning and when it is critical: rules for a scope."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field, JsonValue
from starlette.responses import Response

from services.gateway.domain.role import Permission
from services.gateway.domain.threshold import (
    LARGEST_PERCENT,
    LONGEST_CRITICAL_DAYS,
    LONGEST_WARNING_DAYS,
    Numbers,
)
from services.gateway.middleware.caller import caller_of, parts_of
from services.gateway.middleware.envelope import request_uuid
from services.gateway.middleware.guard import GuardedRoute, needs, session_of
from services.gateway.queries.thresholds import list_thresholds
from services.gateway.routes.answers import Page, as_json, as_page
from services.gateway.routes.parameters import STORABLE
from shared.events.scanning import ThresholdScope

router = APIRouter(prefix="/api/v1/thresholds", route_class=GuardedRoute, tags=["thresholds"])

# An audit entry's subject holds no more.
Name = Annotated[
    str,
    Field(
        max_length=300,
        pattern=STORABLE,
        description="A subscription's, vault's or item's id, or `key=text` of a tag.",
    ),
]
_LOCATION = "/api/v1/thresholds"


class Threshold(BaseModel):
    """A rule: what it does not set comes from the next wider scope that does."""

    scope: ThresholdScope
    name: str
    warning_days: int | None
    critical_days: int | None
    warning_percent: int | None
    critical_percent: int | None
    requested_by: str
    asked_at: datetime
    applied: bool = Field(description="Every item in scope is judged by it.")


def _between(least: int, most: int, description: str) -> int | None:
    """Return a field whose bounds are only told: a refusal says how numbers fit together."""
    bounds: dict[str, JsonValue] = {"minimum": least, "maximum": most}
    found: int | None = Field(default=None, description=description, json_schema_extra=bounds)
    return found


class ThresholdRequest(BaseModel):
    """A whole rule; it takes the place of the scope's former one."""

    model_config = ConfigDict(extra="forbid")

    scope: ThresholdScope
    name: Name = ""
    warning_days: int | None = _between(2, LONGEST_WARNING_DAYS, "Before the end.")
    critical_days: int | None = _between(1, LONGEST_CRITICAL_DAYS, "Fewer than for a warning.")
    warning_percent: int | None = _between(
        2, LARGEST_PERCENT, "Of the lifetime that is left; for short-lived certificates."
    )
    critical_percent: int | None = _between(1, LARGEST_PERCENT - 1, "Less than for a warning.")


class ThresholdAccepted(BaseModel):
    """The change was asked for; `GET` shows it when it is made."""

    scope: ThresholdScope
    name: str


@router.get("", response_model=Page[Threshold])
@needs(Permission.READ_INVENTORY)
async def list_rules(request: Request) -> Response:
    """Return every rule, the widest scope first; the more specific one wins."""
    return as_page(await list_thresholds(parts_of(request).pool), None)


@router.put("", status_code=202, response_model=ThresholdAccepted, responses={404: {}})
@needs(Permission.MANAGE_THRESHOLDS)
async def put_rule(request: Request, body: ThresholdRequest) -> Response:
    """Ask for a rule. Items in its scope are judged by it within a minute or so."""
    await parts_of(request).request_threshold.set(
        session_of(request),
        body.scope,
        body.name,
        Numbers(**body.model_dump(exclude={"scope", "name"})),
        course=request_uuid(request),
        caller=caller_of(request),
    )
    return _accepted(body.scope, body.name)


@router.delete("", status_code=202, response_model=ThresholdAccepted)
@needs(Permission.MANAGE_THRESHOLDS)
async def delete_rule(
    request: Request,
    scope: ThresholdScope,
    name: Annotated[str, Query(max_length=300, pattern=STORABLE)] = "",
) -> Response:
    """Ask that what wider scopes say applies again."""
    await parts_of(request).request_threshold.take_back(
        session_of(request), scope, name, course=request_uuid(request), caller=caller_of(request)
    )
    return _accepted(scope, name)


def _accepted(scope: ThresholdScope, name: str) -> Response:
    return as_json({"scope": scope, "name": name}, 202, {"location": _LOCATION})
