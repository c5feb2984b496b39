"""Copies in other clouds: asked for, made, failed, or held because somebody else wrote there."""

from typing import ClassVar
from uuid import UUID

from pydantic import AwareDatetime, Field

from shared.events.base import Event
from shared.events.items import CredentialRef


class SyncRequested(Event):
    """Look at a mapping again and make its destination equal to its source."""

    type: ClassVar[str] = "certifyclouds.sync.requested.v1"

    mapping_id: UUID
    requested_by: str


class SyncCompleted(Event):
    """A mapping's destination holds what its source holds."""

    type: ClassVar[str] = "certifyclouds.sync.completed.v1"

    mapping_id: UUID
    credential: CredentialRef
    rotation_id: UUID | None = Field(
        default=None, description="The rotation that waited for this copy."
    )
    source_version: str
    completed_at: AwareDatetime


class SyncFailed(Event):
    """A copy could not be made; the destination still holds what it held."""

    type: ClassVar[str] = "certifyclouds.sync.failed.v1"

    mapping_id: UUID
    credential: CredentialRef
    reason: str


class SyncConflict(Event):
    """Somebody else wrote the destination since our last write; nothing was overwritten."""

    type: ClassVar[str] = "certifyclouds.sync.conflict.v1"

    mapping_id: UUID
    credential: CredentialRef
    destination: str = Field(description="Where the copy lives, as its cloud names it.")
