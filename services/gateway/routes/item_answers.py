"""What the endpoints answer about one item, as the API's documentation shows it."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from services.gateway.routes.answers import Change, Item


class ItemVersion(BaseModel):
    """One version; `current` is the one that is used where no version is named."""

    version_id: str
    current: bool | None
    enabled: bool
    created_on: datetime | None
    updated_on: datetime | None
    not_before: datetime | None
    expires_on: datetime | None


class Detail(BaseModel):
    """What single reads told of an item, and how the last of them ended.

    What could not be read stays as it was known; anything but `ok` says why and what to do.
    """

    outcome: str
    reason: str | None
    remedy: str | None
    read_at: datetime = Field(description="When the last reading began.")
    complete_at: datetime | None = Field(description="When everything could be read last.")
    key: dict[str, Any] | None = Field(
        description="Type, size, curve, operations, and whether in hardware or exportable."
    )
    rotation_policy: dict[str, Any] | None
    certificate: dict[str, Any] | None = Field(description="What the certificate says of itself.")
    policy: dict[str, Any] | None = Field(description="How it is made and renewed.")
    operation: dict[str, Any] | None = Field(description="Its latest pending operation.")


class ItemDetail(Item):
    """An item, its details, its newest versions, and what happened to it last."""

    detail: Detail | None
    versions: list[ItemVersion]
    changes: list[Change]
