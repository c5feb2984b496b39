"""Rotation: asked for, taken in steps, published (the new is live), completed (the old is gone)."""

from typing import ClassVar
from uuid import UUID

from pydantic import AwareDatetime, Field

from shared.events.base import Event
from shared.events.items import CredentialRef


class RotationRequested(Event):
    """Somebody, or a policy, wants a credential replaced."""

    type: ClassVar[str] = "certifyclouds.rotation.requested.v1"

    rotation_id: UUID
    credential: CredentialRef
    requested_by: str
    emergency: bool = Field(
        default=False, description="No overlap: the old credential is known to others."
    )


class RotationStep(Event):
    """A rotation moved from one state to the next."""

    type: ClassVar[str] = "certifyclouds.rotation.step.v1"

    rotation_id: UUID
    credential: CredentialRef
    state: str
    previous_state: str
    at: AwareDatetime


class RotationPublished(Event):
    """The new credential is live: copy it, refresh its users. The old one works on for a while."""

    type: ClassVar[str] = "certifyclouds.rotation.published.v1"

    rotation_id: UUID
    credential: CredentialRef
    version: str = Field(description="The new version's id in the vault.")
    overlap_ends_at: AwareDatetime


class RotationCompleted(Event):
    """The old credential is gone. Published once per rotation."""

    type: ClassVar[str] = "certifyclouds.rotation.completed.v1"

    rotation_id: UUID
    credential: CredentialRef
    completed_at: AwareDatetime


class RotationFailed(Event):
    """A rotation stopped; nothing that works was taken away."""

    type: ClassVar[str] = "certifyclouds.rotation.failed.v1"

    rotation_id: UUID
    credential: CredentialRef
    state: str = Field(description="The state in which it stopped.")
    reason: str = Field(
        description="One sentence: what happened, what still works, what to do next."
    )
