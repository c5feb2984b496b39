"""The inventory: items, and what changed."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from services.gateway.domain import problem
from services.gateway.domain.cursor import encode
from services.gateway.domain.filters import SortKey, parse_items
from services.gateway.domain.role import Permission
from services.gateway.middleware.caller import parts_of
from services.gateway.middleware.guard import GuardedRoute, needs, scope_of
from services.gateway.queries import details, items, pages
from services.gateway.routes.answers import (
    Change,
    Item,
    Page,
    as_json,
    as_page,
    cut,
    position,
    whole,
)
from services.gateway.routes.item_answers import ItemDetail, ItemVersion
from services.gateway.routes.parameters import LARGEST_INTEGER, CursorText, Limit, Words

router = APIRouter(prefix="/api/v1", route_class=GuardedRoute, tags=["inventory"])

LATEST_CHANGES = 20
NEWEST_VERSIONS = 20
LARGEST_BIGINT = 2**63 - 1
# Only told: a refusal names the orders that there are.
SortText = Annotated[
    str, Query(max_length=50, json_schema_extra={"pattern": f"^-?({'|'.join(SortKey)})$"})
]
ItemId = Annotated[int, Path(ge=1, le=LARGEST_BIGINT)]


@router.get("/items", response_model=Page[Item])
@needs(Permission.READ_INVENTORY, narrows=True)
async def list_items(
    request: Request,
    kind: Words = [],  # noqa: B006 - FastAPI copies its defaults
    status: Words = [],  # noqa: B006 - FastAPI copies its defaults
    vault: Words = [],  # noqa: B006 - FastAPI copies its defaults
    subscription: Words = [],  # noqa: B006 - FastAPI copies its defaults
    tag: Words = [],  # noqa: B006 - FastAPI copies its defaults
    q: Annotated[str, Query(max_length=200)] = "",
    managed: Annotated[
        bool | None, Query(description="false: without what belongs to a certificate.")
    ] = None,
    sort: SortText = "expires_on",
    count: Annotated[
        Literal["quick", "full"],
        Query(description="full: count all that fit, however long that takes."),
    ] = "quick",
    limit: Limit = 100,
    cursor: CursorText = None,
) -> Response:
    """Return items: what expires first comes first, unless `sort` says otherwise.

    `kind`, `status`, `vault` (name or id) and `subscription` (name or id) take several values, with
    commas or repeated; `tag=key:value` may be repeated and all must apply; `q` finds the beginnings
    of words in names. `managed=false` leaves out the secret and the key behind each certificate,
    which the overview's counts leave out too. `sort` is `expires_on`, `name` or `changed_at`, with
    `-` for the reverse.

    A first page tells how many items fit, up to 10,000; where counting would take longer than
    finding the page (a search or a tag in a large estate) `total` is null and `total_capped` true,
    and `count=full` tells the number.
    """
    question = parse_items(
        kind=kind,
        status=status,
        vault=vault,
        subscription=subscription,
        tag=tag,
        q=q,
        managed=managed,
        sort=sort,
    )
    after = position(cursor, question.question, instant=question.sort.by_instant)
    whole(after)  # refuses an id that is no number
    page = await items.list_items(
        parts_of(request).pool,
        question,
        cursor=after,
        limit=limit,
        scope=scope_of(request),
        count_all=count == "full",
    )
    following = encode(page.next, question.question) if page.next else None
    return as_page(page.rows, following, total=page.total, capped=page.capped)


@router.get("/items/{item_id}", response_model=ItemDetail)
@needs(Permission.READ_INVENTORY, narrows=True)
async def get_item(request: Request, item_id: ItemId) -> Response:
    """Return one item with its details, its newest versions and its latest changes.

    One that is gone says when. `detail` is null until it was read once; for the secret and the key
    behind a certificate look at that certificate (`certificate_id`).
    """
    pool = parts_of(request).pool
    row = await items.get_item(pool, item_id, scope_of(request))
    if row is None:
        raise problem.not_found("item")
    changes = await pages.list_changes(pool, before=None, limit=LATEST_CHANGES, item_id=item_id)
    versions = await details.list_versions(pool, item_id, after=None, limit=NEWEST_VERSIONS)
    return as_json(
        {
            **row,
            "detail": await details.get_detail(pool, item_id),
            "versions": [dict(version) for version in versions],
            "changes": [dict(change) for change in changes],
        }
    )


@router.get("/items/{item_id}/versions", response_model=Page[ItemVersion])
@needs(Permission.READ_INVENTORY, narrows=True)
async def list_item_versions(
    request: Request, item_id: ItemId, limit: Limit = 100, cursor: CursorText = None
) -> Response:
    """Return an item's versions, newest first; none until they were read once."""
    pool, question = parts_of(request).pool, f"item/{item_id}/versions"
    if await items.get_item(pool, item_id, scope_of(request)) is None:
        raise problem.not_found("item")
    after = position(cursor, question, instant=True)
    rows = await details.list_versions(pool, item_id, after=after, limit=limit + 1)
    return cut(rows, limit, question=question, key="created_on", row_id="version_id")


@router.get("/items/{item_id}/changes", response_model=Page[Change])
@needs(Permission.READ_INVENTORY, narrows=True)
async def list_item_changes(
    request: Request, item_id: ItemId, limit: Limit = 100, cursor: CursorText = None
) -> Response:
    """Return what happened to one item, newest first."""
    pool, question = parts_of(request).pool, f"item/{item_id}/changes"
    if await items.get_item(pool, item_id, scope_of(request)) is None:
        raise problem.not_found("item")
    before = whole(position(cursor, question))
    rows = await pages.list_changes(pool, before=before, limit=limit + 1, item_id=item_id)
    return cut(rows, limit, question=question, key="")


@router.get("/changes", response_model=Page[Change])
@needs(Permission.READ_INVENTORY, narrows=True)
async def list_changes(
    request: Request,
    vault: Annotated[int | None, Query(ge=1, le=LARGEST_INTEGER)] = None,
    scan: UUID | None = None,
    limit: Limit = 100,
    cursor: CursorText = None,
) -> Response:
    """Return what changed in the estate, newest first; of one vault or one scan if asked."""
    question = f"changes/{vault}/{scan}"
    before = whole(position(cursor, question))
    rows = await pages.list_changes(
        parts_of(request).pool,
        before=before,
        limit=limit + 1,
        vault_id=vault,
        scan_id=scan,
        scope=scope_of(request),
    )
    return cut(rows, limit, question=question, key="")
