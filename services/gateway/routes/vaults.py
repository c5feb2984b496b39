"""Vaults: how they are set up, who may do what in them, where their logs go, and what changed."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from services.gateway.domain import problem
from services.gateway.domain.role import Permission
from services.gateway.middleware.caller import parts_of
from services.gateway.middleware.guard import GuardedRoute, needs, scope_of
from services.gateway.queries import pages, vaults
from services.gateway.routes.answers import Page, Vault, as_json, cut, position, whole
from services.gateway.routes.parameters import LARGEST_INTEGER, STORABLE, CursorText, Limit

router = APIRouter(prefix="/api/v1", route_class=GuardedRoute, tags=["inventory"])

MOST_GRANTS = 1000
VaultId = Annotated[int, Path(ge=1, le=LARGEST_INTEGER)]


class Grant(BaseModel):
    """Something that a principal may do in a vault: by a role, or by an access policy."""

    how: str = Field(description="`role` or `access_policy`.")
    grant_id: str | None
    principal_id: str
    principal_type: str | None
    application_id: str | None
    role_id: str | None
    role_name: str | None
    role_custom: bool | None
    scope: str
    scope_level: str
    what: list[str] | None = Field(
        description="Data actions on vaults, or permissions; none: the role is not known."
    )
    reads_values: bool | None = Field(
        description="Whether it reads values in this vault; none: the role is not known."
    )
    conditional: bool


class VaultDetail(Vault):
    """A vault with its settings, grants and diagnostic settings, each with its own outcome.

    In each part nothing is known without an outcome. After a failure the part is as it was last
    read. A setting that is none was left out by Azure.
    """

    configuration: dict[str, Any] | None
    configuration_outcome: str | None
    configuration_reason: str | None
    grants: list[Grant]
    grants_capped: bool = Field(description="There are more grants than are shown.")
    grants_outcome: str | None
    grants_reason: str | None
    grants_remedy: str | None
    grants_listed_at: datetime | None
    diagnostics: list[dict[str, Any]] | None
    diagnostics_outcome: str | None
    diagnostics_reason: str | None
    diagnostics_remedy: str | None
    diagnostics_read_at: datetime | None


class VaultChange(BaseModel):
    """One setting of a vault before and after."""

    id: int
    at: datetime
    scan_id: UUID
    vault_id: int
    field: str
    before: Any
    after: Any


@router.get("/vaults", response_model=Page[Vault])
@needs(Permission.READ_INVENTORY, narrows=True)
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


@router.get("/vaults/{vault_id}", response_model=VaultDetail)
@needs(Permission.READ_INVENTORY, narrows=True)
async def get_vault(request: Request, vault_id: VaultId) -> Response:
    """Return one vault with its settings, who may do what in it, and where its logs go."""
    pool = parts_of(request).pool
    row = await vaults.get_vault(pool, vault_id, scope_of(request))
    if row is None:
        raise problem.not_found("vault")
    grants = await vaults.list_grants(pool, vault_id, limit=MOST_GRANTS + 1)
    shown = [dict(grant) for grant in grants[:MOST_GRANTS]]
    return as_json({**row, "grants": shown, "grants_capped": len(grants) > MOST_GRANTS})


@router.get("/vaults/{vault_id}/changes", response_model=Page[VaultChange])
@needs(Permission.READ_INVENTORY, narrows=True)
async def list_vault_changes(
    request: Request, vault_id: VaultId, limit: Limit = 100, cursor: CursorText = None
) -> Response:
    """Return what changed in a vault's settings, newest first."""
    pool, question = parts_of(request).pool, f"vault/{vault_id}/changes"
    before = whole(position(cursor, question))
    if await vaults.get_vault(pool, vault_id, scope_of(request)) is None:
        raise problem.not_found("vault")
    rows = await vaults.list_vault_changes(pool, vault_id, before=before, limit=limit + 1)
    return cut(rows, limit, question=question, key="")
