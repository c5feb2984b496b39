"""The inventory: items, what changed, vaults."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from services.gateway.domain import problem
from services.gateway.domain.cursor import encode
from services.gateway.domain.filters import parse_items
from services.gateway.domain.role import Permission
from services.gateway.middleware.caller import parts_of
from services.gateway.middleware.guard import GuardedRoute, needs, scope_of
from services.gateway.queries import items, pages
from services.gateway.routes.answers import (
    Change,
    Item,
    ItemDetail,
    Page,
    Vault,
    as_json,
    as_page,
    cut,
    position,
    whole,
)
from services.gateway.routes.parameters import STORABLE, CursorText, Limit, Words

router = APIRouter(prefix="/api/v1", route_class=GuardedRoute, tags=["inventory"])

LATEST_CHANGES = 20
LARGEST_INTEGER = 2**31 - 1
LARGEST_BIGINT = 2**63 - 1
ItemId = Annotated[int, Path(ge=1, le=LARGEST_BIGINT)]
VaultId = Annotated[int, Path(ge=1, le=LARGEST_INTEGER)]


@router.get("/items", response_model=Page[Item])
@needs(Permission.READ_INVENTORY)
async def list_items(
    request: Request,
    kind: Words = [],  # noqa: B006 - FastAPI copies its defaults
    status: Words = [],  # noqa: B006 - FastAPI copies its defaults
    vault: Words = [],  # noqa: B006 - FastAPI copies its defaults
    subscription: Words = [],  # noqa: B006 - FastAPI copies its defaults
    tag: Words = [],  # noqa: B006 - FastAPI copies its defaults
    q: Annotated[str, Query(max_length=200)] = "",
    sort: Annotated[str, Query(max_length=50)] = "expires_on",
    limit: Limit = 100,
    cursor: CursorText = None,
) -> Response:
    """Return items: what expires first comes first, unless `sort` says otherwise.

    `kind`, `status`, `vault` (name or id) and `subscription` (name or id) take several values, with
    commas or repeated; `tag=key:value` may be repeated and all must apply; `q` finds the beginnings
    of words in names. `sort` is `expires_on`, `name` or `changed_at`, with `-` for the reverse.
    """
    question = parse_items(
        kind=kind, status=status, vault=vault, subscription=subscription, tag=tag, q=q, sort=sort
    )
    after = position(cursor, question.question, instant=question.sort.by_instant)
    whole(after)  # refuses an id that is no number
    page = await items.list_items(
        parts_of(request).pool, question, cursor=after, limit=limit, scope=scope_of(request)
    )
    following = encode(page.next, question.question) if page.next else None
    return as_page(page.rows, following, total=page.total, capped=page.capped)


@router.get("/items/{item_id}", response_model=ItemDetail)
@needs(Permission.READ_INVENTORY)
async def get_item(request: Request, item_id: ItemId) -> Response:
    """Return one item and its latest changes; one that is gone says when."""
    pool = parts_of(request).pool
    row = await items.get_item(pool, item_id, scope_of(request))
    if row is None:
        raise problem.not_found("item")
    changes = await pages.list_changes(pool, before=None, limit=LATEST_CHANGES, item_id=item_id)
    return as_json({**row, "changes": [dict(change) for change in changes]})


@router.get("/items/{item_id}/changes", response_model=Page[Change])
@needs(Permission.READ_INVENTORY)
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
@needs(Permission.READ_INVENTORY)
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


@router.get("/vaults", response_model=Page[Vault])
@needs(Permission.READ_INVENTORY)
async def list_vaults(
    request: Request,
    subscription: Annotated[str | None, Query(max_length=200, pattern=STORABLE)] = None,
    readable: Annotated[
        bool | None, Query(description="false: those that could not be looked into.")
    ] = None,
    q: Annotated[
        str | None,
        Query(max_length=200, pattern=STORABLE, description="How its name begins."),
    ] = None,
    limit: Limit = 100,
    cursor: CursorText = None,
) -> Response:
    """Return the vaults and the Entra directory, and how the last look at each went."""
    question = f"vaults/{subscription}/{readable}/{q}"
    rows = await pages.list_vaults(
        parts_of(request).pool,
        after=whole(position(cursor, question)),
        limit=limit + 1,
        subscription=subscription,
        readable=readable,
        q=q,
        scope=scope_of(request),
    )
    return cut(rows, limit, question=question, key="")


@router.get("/vaults/{vault_id}", response_model=Vault)
@needs(Permission.READ_INVENTORY)
async def get_vault(request: Request, vault_id: VaultId) -> Response:
    """Return one vault."""
    row = await pages.get_vault(parts_of(request).pool, vault_id, scope_of(request))
    if row is None:
        raise problem.not_found("vault")
    return as_json(dict(row))
