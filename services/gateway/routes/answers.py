"""What the endpoints answer, as the API's documentation shows it, and how it is written.

Rows go out as they come from the database (orjson, no second validation); a test checks that they
fit these models.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

from asyncpg import Record
from pydantic import BaseModel, Field
from starlette.responses import Response

from services.gateway.domain.cursor import Cursor, CursorError, decode, encode
from services.gateway.domain.filters import FilterError, is_storable
from services.gateway.steps.encoding import to_json

T = TypeVar("T")

DAMAGED: Final = "it is damaged; begin again without a cursor."
MOST_DIGITS: Final = 18


class Meta(BaseModel):
    """Where a list goes on, and how long it is."""

    next_cursor: str | None = Field(description="Pass it as `cursor` for the next page.")
    total: int | None = Field(
        default=None,
        description="How many fit, counted up to 10,000; on a first page only, and null where"
        " counting would take longer than the page (`count=full` counts in any case).",
    )
    total_capped: bool = Field(default=False, description="There are more than were counted.")


class Page(BaseModel, Generic[T]):
    """One page of a list."""

    data: list[T]
    meta: Meta


class Item(BaseModel):
    """A secret, key, certificate or application credential: its metadata, never its value."""

    id: int
    kind: str
    name: str
    external_id: str
    status: str
    days_left: int | None
    expires_on: datetime | None
    enabled: bool
    not_before: datetime | None
    created_on: datetime | None
    updated_on: datetime | None
    vault_id: int
    vault_name: str
    subscription_id: str | None
    subscription_name: str | None
    content_type: str | None
    tags: dict[str, str]
    recovery_level: str | None
    recoverable_days: int | None
    managed: bool
    version: str | None
    thumbprint: str | None
    application_id: str | None
    application_name: str | None
    application_kind: str | None
    usage: str | None
    first_seen_at: datetime
    changed_at: datetime
    deleted_at: datetime | None
    certificate_id: int | None = Field(
        description="The certificate that a managed secret or key belongs to."
    )
    version_count: int | None
    enabled_old_versions: int | None


class FieldChange(BaseModel):
    """One attribute that changed."""

    field: str
    before: Any = None
    after: Any = None


class Change(BaseModel):
    """An item was added, changed, removed or came back."""

    id: int
    at: datetime
    scan_id: UUID
    item_id: int
    vault_id: int
    kind: str
    name: str
    what: str
    fields: list[FieldChange]


class Vault(BaseModel):
    """A Key Vault, or the tenant's Entra directory, and how the last look at it went."""

    id: int
    kind: str
    name: str
    uri: str | None
    resource_id: str | None
    subscription_id: str | None
    subscription_name: str | None
    resource_group: str | None
    region: str | None
    sku: str | None
    tags: dict[str, str]
    rbac: bool | None
    outcome: str | None = Field(description="`ok`, or why it could not be read; none: not yet.")
    outcome_reason: str | None
    outcome_remedy: str | None
    last_scanned_at: datetime | None
    last_complete_at: datetime | None
    items: int
    deleted_at: datetime | None = None
    excluded_at: datetime | None = Field(
        default=None, description="Since when it is left out by choice (`SCAN_SCOPE`)."
    )


class Scan(BaseModel):
    """A scan, from its request to its result."""

    id: UUID
    mode: str
    state: str
    outcome: str | None
    requested_by: str
    subscription_ids: list[str]
    requested_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    vaults: int
    vaults_done: int
    unreadable: int
    items: int
    added: int
    changed: int
    removed: int
    error: str | None
    calls: dict[str, int] = Field(
        description="Requests that were sent to the vaults, by kind, retries included."
    )
    details_pending: int = Field(
        description="Items whose details were left over for the next scan."
    )
    selector: str
    schedule_id: UUID | None
    excluded: int = Field(description="Vaults left out by choice (`SCAN_SCOPE`).")


class ScanVault(BaseModel):
    """One vault in one scan."""

    vault_id: int
    vault_name: str
    vault_kind: str
    subscription_id: str | None
    subscription_name: str | None
    region: str | None
    state: str
    outcome: str | None
    reason: str | None
    remedy: str | None
    items: int
    added: int
    changed: int
    removed: int
    finished_at: datetime | None


class Alert(BaseModel):
    """Something that needs, or needed, a person."""

    id: UUID
    alert_type: str
    state: str
    severity: str
    title: str
    text: str
    link: str
    item_id: int
    kind: str
    name: str
    container: str
    subscription_id: str | None
    expires_on: datetime
    threshold_days: int
    raised_at: datetime
    escalated_at: datetime | None
    resolved_at: datetime | None
    evidence: str | None


class Delivery(BaseModel):
    """A message in the built-in outbox."""

    id: int
    alert_id: UUID
    channel: str
    reason: str
    severity: str
    title: str
    text: str
    link: str
    delivered_at: datetime


def as_json(
    document: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a document as JSON."""
    return Response(
        to_json(document),
        status_code=status,
        media_type="application/json",
        headers=dict(headers or {}),
    )


def as_page(
    rows: Iterable[Record | Mapping[str, Any]],
    next_cursor: str | None,
    *,
    total: int | None = None,
    capped: bool = False,
) -> Response:
    """Return one page of a list."""
    meta = {"next_cursor": next_cursor, "total": total, "total_capped": capped}
    return as_json({"data": [dict(row) for row in rows], "meta": meta})


def cut(rows: list[Any], limit: int, *, question: str, key: str, row_id: str = "id") -> Response:
    """Return a page from one row more than it holds: that row says that there is a next page."""
    page = rows[:limit]
    following = None
    if len(rows) > limit:
        last = page[-1]
        following = encode(Cursor(last[key] if key else None, str(last[row_id])), question)
    return as_page(page, following)


def position(cursor: str | None, question: str, *, instant: bool = False) -> Cursor | None:
    """Return where a list goes on; raises `FilterError` for a cursor that does not fit."""
    if cursor is None:
        return None
    try:
        found = decode(cursor, question, instant=instant)
    except CursorError as error:
        raise FilterError("cursor", str(error)) from None
    if isinstance(found.key, str) and not is_storable(found.key):
        raise FilterError("cursor", DAMAGED)
    return found


def whole(cursor: Cursor | None) -> int | None:
    """Return the id of a cursor as a number; raises `FilterError` when it is none of ours."""
    if cursor is None:
        return None
    if not (cursor.id.isascii() and cursor.id.isdigit() and len(cursor.id) <= MOST_DIGITS):
        raise FilterError("cursor", DAMAGED)
    return int(cursor.id)


def instant_and_uuid(cursor: Cursor | None) -> tuple[datetime, UUID] | None:
    """Return a cursor's two parts; raises `FilterError` when one is missing."""
    if cursor is None:
        return None
    try:
        row_id = UUID(cursor.id)
    except ValueError:
        raise FilterError("cursor", DAMAGED) from None
    if not isinstance(cursor.key, datetime):
        raise FilterError("cursor", DAMAGED)
    return cursor.key, row_id
