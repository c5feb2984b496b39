"""What a person watches: the overview, alerts, the outbox, and the live stream."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Request
from starlette.responses import Response, StreamingResponse

from services.gateway.domain.role import Permission
from services.gateway.domain.session import Ended
from services.gateway.middleware.caller import parts_of
from services.gateway.middleware.guard import GuardedRoute, needs, scope_of, session_of
from services.gateway.queries import pages
from services.gateway.routes.answers import (
    MOST_DIGITS,
    Alert,
    Delivery,
    Page,
    as_json,
    cut,
    instant_and_uuid,
    position,
    whole,
)
from services.gateway.routes.parameters import CursorText, Limit
from services.gateway.steps.live import LiveStream

router = APIRouter(prefix="/api/v1", route_class=GuardedRoute, tags=["watch"])

LastEventId = Annotated[
    str, Header(alias="Last-Event-ID", max_length=MOST_DIGITS, pattern=r"^[0-9]*$")
]


@router.get("/overview", response_model=dict[str, Any])
@needs(Permission.READ_INVENTORY, narrows=True)
async def overview(request: Request) -> Response:
    """Return counts per status and kind, what expires next, and what could not be read.

    The numbers are at most 15 seconds old, and new when a scan has ended.
    """
    parts = parts_of(request)
    return as_json(await parts.overview_of(scope_of(request)).get())


@router.get("/alerts", response_model=Page[Alert])
@needs(Permission.READ_ALERTS, narrows=True)
async def list_alerts(
    request: Request,
    state: Literal["raised", "resolved"] | None = None,
    limit: Limit = 100,
    cursor: CursorText = None,
) -> Response:
    """Return alerts, newest first."""
    question = f"alerts/{state}"
    rows = await pages.list_alerts(
        parts_of(request).pool,
        state=state,
        before=instant_and_uuid(position(cursor, question, instant=True)),
        limit=limit + 1,
        scope=scope_of(request),
    )
    return cut(rows, limit, question=question, key="raised_at")


@router.get("/outbox", response_model=Page[Delivery])
@needs(Permission.READ_ALERTS, narrows=True)
async def list_outbox(request: Request, limit: Limit = 100, cursor: CursorText = None) -> Response:
    """Return the messages of the built-in outbox, newest first."""
    before = whole(position(cursor, "outbox"))
    rows = await pages.list_outbox(
        parts_of(request).pool, before=before, limit=limit + 1, scope=scope_of(request)
    )
    return cut(rows, limit, question="outbox", key="")


@router.get(
    "/events",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}}},
)
@needs(Permission.READ_LIVE, narrows=True)
async def events(request: Request, last_event_id: LastEventId = "") -> Response:
    """Stream what happens as server-sent events: a `snapshot`, then each event once, in order.

    After a lost connection send `Last-Event-ID`: the stream goes on after that event. It ends when
    the session does. Watching is not using: it does not keep an idle session alive.
    """
    parts, session = parts_of(request), session_of(request)

    async def has_ended() -> Ended | None:
        return await parts.authenticate.ended(session)

    stream = LiveStream(
        pool=parts.pool,
        hub=parts.hub,
        overview=parts.overview_of(scope_of(request)),
        scope=scope_of(request),
        has_ended=has_ended,
        ping_seconds=parts.ping_seconds,
    )
    after = int(last_event_id) if last_event_id else None
    parts.hub.refuse_if_full()

    async def body() -> AsyncIterator[bytes]:
        bell = parts.hub.open()
        try:
            async for frame in stream.frames(after, bell):
                yield frame
        finally:
            parts.hub.close(bell)

    return StreamingResponse(
        body(), media_type="text/event-stream", headers={"x-accel-buffering": "no"}
    )
