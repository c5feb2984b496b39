"""Rotation: asked for, taken in steps, published (the new is live), completed (the old is gone)."""

from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from pydantic import AwareDatetime, Field

from shared.events.base import Event
from shared.events.items import CredentialRef


class RotationRequested(Event):
    """Somebody, or a policy, wants a credential replaced."""

    type: ClassVar[str] = "certifyclouds.rotation.requested.v1"

    rotation_id: UUID
    credential_id: UUID = Field(description="The rotator's own (`rotator.v_credential`).")
    credential: CredentialRef
    requested_by: str = Field(description="The user, API token or policy that asked.")
    emergency: bool = Field(
        default=False, description="No overlap: the old credential is known to others."
    )
    approval_required: bool = Field(
        default=False, description="Somebody else has to allow it, exactly as it is planned."
    )


class RotationChange(StrEnum):
    """What a person can want of a rotation that is under way."""

    APPROVE = "approve"
    REJECT = "reject"
    WITHDRAW = "withdraw"
    ROLL_BACK = "roll_back"


class RotationChangeRequested(Event):
    """Somebody allows a rotation, no longer wants it, or wants the old credential back.

    What is not possible any more when it arrives changes nothing.
    """

    type: ClassVar[str] = "certifyclouds.rotation.change-requested.v1"

    rotation_id: UUID
    change: RotationChange
    requested_by: str
    plan_hash: str | None = Field(
        default=None, description="The plan that was seen, where it is approved."
    )
    reason: str = ""


class PauseScope(StrEnum):
    """What a pause holds."""

    EVERYTHING = "everything"
    SUBSCRIPTION = "subscription"
    CREDENTIAL = "credential"


class RotationPauseRequested(Event):
    """Somebody stops rotations from changing anything, or lets them go on.

    Of two requests for one scope the one that was published later counts.
    """

    type: ClassVar[str] = "certifyclouds.rotation.pause-requested.v1"

    scope: PauseScope
    target: str = Field(
        default="", description="The subscription's or the rotator's credential's id."
    )
    paused: bool
    requested_by: str
    reason: str = ""


class RotationPlanRequested(Event):
    """Somebody wants to see what a rotation would do; nothing is changed."""

    type: ClassVar[str] = "certifyclouds.rotation.plan-requested.v1"

    plan_id: UUID
    credential_id: UUID
    emergency: bool = False
    requested_by: str


class CredentialChangeRequested(Event):
    """Somebody confirms which secrets hold an application's credential, or takes that back.

    Of an Azure resource with two keys `resource` and `slot` say which key, instead of an item.
    `place_ids` empty: it is rotated no longer.
    """

    type: ClassVar[str] = "certifyclouds.credential.change-requested.v1"

    credential_id: UUID
    item_id: int | None = Field(
        default=None, description="The credential itself, in `scanner.v_item`."
    )
    resource: str | None = Field(
        default=None, description="The resource's id in Azure, or its authorization rule's."
    )
    slot: str | None = Field(
        default=None, description="Which of its two keys is in use: key1, key2, primary, secondary."
    )
    place_ids: tuple[int, ...] = Field(description="The vault secrets with its value, likewise.")
    lifetime_days: int = Field(default=90, description="How long a new credential lives.")
    overlap_seconds: int = Field(
        default=172_800, description="How long the old one works on beside the new one."
    )
    requested_by: str


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
