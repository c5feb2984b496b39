"""Scans that come by themselves, and what the days before looked like."""

from datetime import date, datetime, timedelta
from typing import Annotated, Any, Final, Self
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.responses import Response

from services.gateway.domain import problem
from services.gateway.domain.filters import FilterError
from services.gateway.domain.role import Permission
from services.gateway.middleware.caller import caller_of, parts_of
from services.gateway.middleware.envelope import request_uuid
from services.gateway.middleware.guard import GuardedRoute, needs, session_of
from services.gateway.queries import schedules, trends
from services.gateway.routes.accepted import accepted_answer
from services.gateway.routes.answers import as_json
from services.gateway.routes.parameters import (
    STORABLE,
    Day,
    IdempotencyKey,
    ScopeText,
    SubscriptionIds,
)
from shared.cron import LONGEST, SHORTEST, Recurrence
from shared.events.scanning import ScanMode

router = APIRouter(prefix="/api/v1", route_class=GuardedRoute, tags=["scans"])

MOST_SCHEDULES: Final = 200
DAY_SECONDS: Final = 86_400
TREND_DAYS: Final = 90
MOST_DAYS: Final = 3_700


class ScheduleRequest(BaseModel):
    """When to scan, what, and how."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=100, pattern=STORABLE)
    cron: str = Field(
        max_length=LONGEST,
        description="Five fields, such as `0 */6 * * *`.",
        json_schema_extra={"minLength": SHORTEST},  # only told: a refusal names the fields
    )
    time_zone: str = Field(default="UTC", max_length=100, description="As `Europe/Berlin`.")
    mode: ScanMode = ScanMode.FULL
    subscriptions: SubscriptionIds = []
    selector: ScopeText = ""
    jitter_seconds: int = Field(default=0, ge=0, le=DAY_SECONDS)
    enabled: bool = True

    @model_validator(mode="after")
    def _comes(self) -> Self:
        """Refuse what is no recurrence, or never comes."""
        Recurrence(self.cron, self.time_zone)
        return self

    def wanted(self) -> dict[str, Any]:
        """Return it in the words of the event."""
        found = self.model_dump(exclude={"subscriptions"})
        return {**found, "subscription_ids": tuple(self.subscriptions)}


class Schedule(BaseModel):
    """A schedule; `requested` until the scanner has heard of its last change."""

    id: UUID
    revision: int
    state: str
    name: str
    cron: str
    time_zone: str
    mode: str
    subscription_ids: list[str]
    selector: str
    jitter_seconds: int
    enabled: bool
    requested_by: str
    next_at: datetime | None = Field(description="Its next time, before jitter.")
    last_at: datetime | None
    last_scan_id: UUID | None
    last_note: str | None = Field(description="Why its last time had no scan; none: it had one.")


class Schedules(BaseModel):
    """All schedules."""

    data: list[Schedule]


class ScheduleAccepted(BaseModel):
    """The change was asked for; the scanner follows within seconds."""

    id: UUID
    revision: int
    state: str


class Trends(BaseModel):
    """One entry for each day that has a snapshot; a day without one is unknown, not empty."""

    data: list[dict[str, Any]]


@router.get("/schedules", response_model=Schedules)
@needs(Permission.READ_INVENTORY)
async def list_schedules(request: Request) -> Response:
    """Return the schedules by name."""
    rows = await schedules.list_schedules(parts_of(request).pool)
    return as_json({"data": [dict(row) for row in rows]})


@router.post("/schedules", status_code=202, response_model=ScheduleAccepted)
@needs(Permission.REQUEST_SCAN)
async def add_schedule(
    request: Request, body: ScheduleRequest, key: IdempotencyKey = None
) -> Response:
    """Add a schedule. Its scans come from its next time on."""
    parts = parts_of(request)
    if len(await schedules.list_schedules(parts.pool)) >= MOST_SCHEDULES:
        raise problem.invalid(f"There are {MOST_SCHEDULES} schedules; remove one first.")
    accepted = await parts.change_schedule.add(
        session_of(request), body.wanted(), request_uuid(request), caller_of(request), key
    )
    return accepted_answer(accepted)


@router.get("/schedules/{schedule_id}", response_model=Schedule)
@needs(Permission.READ_INVENTORY)
async def get_schedule(request: Request, schedule_id: UUID) -> Response:
    """Return one schedule."""
    return as_json(await _known(request, schedule_id))


@router.put("/schedules/{schedule_id}", status_code=202, response_model=ScheduleAccepted)
@needs(Permission.REQUEST_SCAN)
async def change_schedule(request: Request, schedule_id: UUID, body: ScheduleRequest) -> Response:
    """Change a schedule as a whole; times that were missed before are not made up for."""
    await _known(request, schedule_id)
    return await _change(request, schedule_id, body.wanted())


@router.delete("/schedules/{schedule_id}", status_code=202, response_model=ScheduleAccepted)
@needs(Permission.REQUEST_SCAN)
async def remove_schedule(request: Request, schedule_id: UUID) -> Response:
    """Remove a schedule; a scan of it that runs goes on."""
    known = await _known(request, schedule_id)
    kept = ("name", "cron", "time_zone", "mode", "subscription_ids", "selector", "jitter_seconds")
    return await _change(
        request, schedule_id, {**{name: known[name] for name in kept}, "removed": True}
    )


@router.get("/trends", response_model=Trends)
@needs(Permission.READ_INVENTORY)
async def get_trends(
    request: Request,
    first: Annotated[Day | None, Query(alias="from")] = None,
    last: Annotated[Day | None, Query(alias="to")] = None,
    subscription: Annotated[str | None, Query(max_length=100, pattern=STORABLE)] = None,
) -> Response:
    """Return each day's posture (UTC), of one subscription (its id) if asked; 90 days, or those."""
    parts = parts_of(request)
    last = last or parts.clock().date()
    first = first or last - min(timedelta(days=TREND_DAYS), last - date.min)
    if not timedelta() <= last - first <= timedelta(days=MOST_DAYS):
        raise FilterError("from", f"it is a day up to {MOST_DAYS} days before “to”.")
    found = await trends.read_trends(parts.pool, first=first, last=last, subscription=subscription)
    return as_json({"data": found})


async def _known(request: Request, schedule_id: UUID) -> dict[str, Any]:
    rows = await schedules.list_schedules(parts_of(request).pool, schedule_id)
    if not rows:
        raise problem.not_found("schedule")
    return dict(rows[0])


async def _change(request: Request, schedule_id: UUID, wanted: dict[str, Any]) -> Response:
    accepted = await parts_of(request).change_schedule.change(
        session_of(request), schedule_id, wanted, request_uuid(request), caller_of(request)
    )
    return accepted_answer(accepted)
