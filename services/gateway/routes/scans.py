"""Asking for scans and following them."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from services.gateway.domain import problem
from services.gateway.domain.cursor import Cursor, encode
from services.gateway.domain.role import Permission
from services.gateway.middleware.caller import caller_of, parts_of
from services.gateway.middleware.envelope import request_uuid
from services.gateway.middleware.guard import GuardedRoute, needs, scope_of, session_of
from services.gateway.queries import comparison, scans
from services.gateway.routes.accepted import accepted_answer
from services.gateway.routes.answers import (
    FieldChange,
    Meta,
    Page,
    Scan,
    ScanVault,
    as_json,
    cut,
    instant_and_uuid,
    position,
    whole,
)
from services.gateway.routes.parameters import (
    CursorText,
    IdempotencyKey,
    Limit,
    ScopeText,
    SubscriptionIds,
)
from shared.database import Pool
from shared.events.scanning import ScanMode

router = APIRouter(prefix="/api/v1/scans", route_class=GuardedRoute, tags=["scans"])

MOST_UNKNOWN: Final = 1000


class ScanRequest(BaseModel):
    """How much to look at again."""

    model_config = ConfigDict(extra="forbid")

    mode: ScanMode = ScanMode.FULL
    subscriptions: SubscriptionIds = Field(
        default=[], description="Ids of subscriptions; none means all."
    )
    selector: ScopeText = ""


class ScanAccepted(BaseModel):
    """The scan was asked for; follow it by its id."""

    id: UUID
    state: str
    mode: str


@router.post("", status_code=202, response_model=ScanAccepted)
@needs(Permission.REQUEST_SCAN, narrows=True)
async def request_scan(request: Request, body: ScanRequest, key: IdempotencyKey = None) -> Response:
    """Ask for a scan. It runs in the background: follow `Location`, or the live stream."""
    accepted = await parts_of(request).request_scan(
        session_of(request),
        mode=body.mode,
        subscriptions=tuple(body.subscriptions),
        selector=body.selector,
        course=request_uuid(request),
        caller=caller_of(request),
        key=key,
    )
    return accepted_answer(accepted)


@router.get("", response_model=Page[Scan])
@needs(Permission.READ_INVENTORY, narrows=True)
async def list_scans(request: Request, limit: Limit = 50, cursor: CursorText = None) -> Response:
    """Return scans, newest first; to somebody with a scope, what they came to in it."""
    before = instant_and_uuid(position(cursor, "scans", instant=True))
    rows = await scans.list_scans(
        parts_of(request).pool, before=before, limit=limit + 1, scope=scope_of(request)
    )
    return cut(rows, limit, question="scans", key="requested_at")


@router.get("/{scan_id}", response_model=Scan)
@needs(Permission.READ_INVENTORY, narrows=True)
async def get_scan(request: Request, scan_id: UUID) -> Response:
    """Return one scan; while it runs, its figures grow."""
    row = await scans.get_scan(parts_of(request).pool, scan_id, scope_of(request))
    if row is None:
        raise problem.not_found("scan")
    return as_json(row)


@router.get("/{scan_id}/vaults", response_model=Page[ScanVault])
@needs(Permission.READ_INVENTORY, narrows=True)
async def list_scan_vaults(
    request: Request,
    scan_id: UUID,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    cursor: CursorText = None,
) -> Response:
    """Return what looking at each vault came to; a vault that could not be read says why."""
    pool, question = parts_of(request).pool, f"scan/{scan_id}/vaults"
    after = whole(position(cursor, question))
    if await scans.get_scan(pool, scan_id) is None:
        raise problem.not_found("scan")
    rows = await scans.list_scan_vaults(
        pool, scan_id, after=after, limit=limit + 1, scope=scope_of(request)
    )
    return cut(rows, limit, question=question, key="", row_id="vault_id")


class Difference(BaseModel):
    """What became of one item between two scans, all that happened in between taken together."""

    item_id: int
    vault_id: int
    kind: str
    name: str
    what: str = Field(description="`added`, `changed` or `removed`.")
    fields: list[FieldChange]


class NotCompared(BaseModel):
    """A vault of which nothing can be said, and why."""

    vault_id: int
    vault_name: str
    reason: str


class Comparison(BaseModel):
    """A page of the differences. Vaults that cannot be compared are on the first page."""

    earlier: UUID
    later: UUID
    data: list[Difference]
    not_compared: list[NotCompared]
    not_compared_total: int | None
    meta: Meta


@router.get("/{scan_id}/compare", response_model=Comparison)
@needs(Permission.READ_INVENTORY, narrows=True)
async def compare_scans(
    request: Request,
    scan_id: UUID,
    other: Annotated[UUID, Query(alias="with")],
    limit: Limit = 100,
    cursor: CursorText = None,
) -> Response:
    """Return what was added, changed and removed between two scans, in whichever order given.

    Only what both looked at is compared; each vault of which nothing can be said is named.
    """
    pool = parts_of(request).pool
    earlier, later = await _in_order(pool, scan_id, other)
    question = f"scan/{earlier}/{later}/compare"
    after = whole(position(cursor, question))
    pairs = await comparison.list_pairs(pool, earlier, later, scope_of(request))
    known = [pair for pair in pairs if pair["unknown"] is None]
    unknown = [pair for pair in pairs if pair["unknown"] is not None]
    rows = await comparison.list_differences(pool, known, after=after or 0, limit=limit + 1)
    following = None
    if len(rows) > limit:
        following = encode(Cursor(None, str(rows[limit - 1]["item_id"])), question)
    document = {
        "earlier": earlier,
        "later": later,
        "data": rows[:limit],
        "not_compared": [
            {
                "vault_id": pair["vault_id"],
                "vault_name": pair["vault_name"],
                "reason": pair["unknown"],
            }
            for pair in (unknown[:MOST_UNKNOWN] if after is None else [])
        ],
        "not_compared_total": len(unknown) if after is None else None,
        "meta": {"next_cursor": following, "total": None, "total_capped": False},
    }
    return as_json(document)


async def _in_order(pool: Pool, one: UUID, other: UUID) -> tuple[UUID, UUID]:
    """Return two scans, the one that began earlier first."""
    found = [await scans.get_scan(pool, scan_id) for scan_id in (one, other)]
    begun = [(row["started_at"], row["id"]) for row in found if row and row["started_at"]]
    if any(row is None for row in found):
        raise problem.not_found("scan")
    if len(begun) < len(found):
        raise problem.invalid("A scan that has not begun cannot be compared; wait for it.")
    (_, earlier), (_, later) = sorted(begun)
    return earlier, later
