"""The directory: applications, service principals, and what each of them holds."""

from datetime import datetime
from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from services.gateway.domain import problem
from services.gateway.domain.role import Permission
from services.gateway.middleware.caller import parts_of
from services.gateway.middleware.guard import GuardedRoute, needs
from services.gateway.queries import applications
from services.gateway.routes.answers import FieldChange, Page, as_json, cut, position, whole
from services.gateway.routes.parameters import STORABLE, CursorText, Limit

router = APIRouter(prefix="/api/v1", route_class=GuardedRoute, tags=["inventory"])

LATEST_CHANGES: Final = 100
MOST_CREDENTIALS: Final = 1_000
ApplicationId = Annotated[int, Path(ge=1, le=2**63 - 1)]


class Application(BaseModel):
    """An application registration, or a service principal."""

    id: int
    kind: str = Field(description="`application` or `service_principal`.")
    object_id: str
    app_id: str
    name: str
    created_on: datetime | None
    audience: str | None
    publisher_domain: str | None
    owner_tenant_id: str | None
    enabled: bool | None = Field(description="None for an application: it has no such flag.")
    principal_type: str | None
    tags: list[str]
    notes: str | None
    service_reference: str | None
    signing_thumbprint: str | None
    owner_count: int | None = Field(description="None: not known yet.")
    federated_count: int | None = Field(description="None: not known yet.")
    credential_count: int = Field(description="A signing certificate's parts count once.")
    first_seen_at: datetime
    changed_at: datetime
    deleted_at: datetime | None


class ApplicationCredential(BaseModel):
    """A password or a certificate of an application: its metadata, never its value."""

    id: int
    kind: str
    name: str
    key_id: str
    status: str
    days_left: int | None
    not_before: datetime | None
    expires_on: datetime | None
    type: str | None
    usage: str | None
    custom_key_identifier: str | None
    thumbprint: str | None
    managed: bool
    signs_tokens: bool


class Owner(BaseModel):
    """Who may change an application."""

    id: str
    kind: str
    display_name: str | None
    user_principal_name: str | None


class FederatedCredential(BaseModel):
    """A workload that signs in with another issuer's token."""

    id: str
    name: str
    issuer: str | None
    subject: str | None
    audiences: list[str]
    description: str | None


class ApplicationChange(BaseModel):
    """An application was added, changed, removed or came back."""

    id: int
    at: datetime
    scan_id: UUID
    what: str
    fields: list[FieldChange]


class ApplicationDetail(Application):
    """An application with all it holds, and what happened to it last."""

    owners: list[Owner] | None
    federated: list[FederatedCredential] | None
    credentials: list[ApplicationCredential]
    changes: list[ApplicationChange]


@router.get("/applications", response_model=Page[Application])
@needs(Permission.READ_INVENTORY)
async def list_applications(
    request: Request,
    kind: Literal["application", "service_principal"] | None = None,
    q: Annotated[
        str | None,
        Query(max_length=200, pattern=STORABLE, description="How its name begins."),
    ] = None,
    owned: Annotated[bool | None, Query(description="false: those known to have no owner.")] = None,
    federated: Annotated[
        bool | None, Query(description="true: those with a federated credential.")
    ] = None,
    limit: Limit = 100,
    cursor: CursorText = None,
) -> Response:
    """Return the tenant's applications and service principals, also those without a credential."""
    question = f"applications/{kind}/{owned}/{federated}/{q}"
    rows = await applications.list_applications(
        parts_of(request).pool,
        after=whole(position(cursor, question)),
        limit=limit + 1,
        kind=kind,
        q=q,
        owned=owned,
        federated=federated,
    )
    return cut(rows, limit, question=question, key="")


@router.get("/applications/{application_id}", response_model=ApplicationDetail)
@needs(Permission.READ_INVENTORY)
async def get_application(request: Request, application_id: ApplicationId) -> Response:
    """Return one application with its credentials, owners, federated credentials and changes."""
    pool = parts_of(request).pool
    row = await applications.get_application(pool, application_id)
    if row is None:
        raise problem.not_found("application")
    held = await applications.list_credentials(pool, application_id, limit=MOST_CREDENTIALS)
    changes = await applications.list_changes(pool, application_id, limit=LATEST_CHANGES)
    lists = {
        "credentials": [dict(credential) for credential in held],
        "changes": [dict(change) for change in changes],
    }
    return as_json({**row, **lists})
