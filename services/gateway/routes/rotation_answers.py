"""What the endpoints of rotations answer and take, as the API's documentation shows it."""

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictBool, model_validator

from services.gateway.domain.rotation import Way
from services.gateway.routes.approvals import PlanHash
from services.gateway.routes.parameters import STORABLE, Reason
from shared.events.rotation import PauseScope, RotationChange


class Rotation(BaseModel):
    """A rotation, also one that has ended."""

    id: UUID
    credential_id: UUID
    kind: str
    name: str
    container: str = Field(description="The application that has the credential.")
    state: str
    over: bool
    reason: str | None = Field(description="Why it stopped or waits, and what to do.")
    wanted: str | None = Field(description="What a person asked of it meanwhile.")
    emergency: bool
    approval_required: bool
    plan_hash: str | None = Field(description="Of the plan that was looked at last.")
    approved_by: str | None
    approved_at: datetime | None
    requested_by: str
    requested_at: datetime
    changed_at: datetime
    due_at: datetime = Field(description="When the next step is due.")
    overlap_ends_at: datetime | None = Field(description="The old credential is kept until then.")
    attempt: int
    old_key_id: str | None
    new_key_id: str | None
    lifetime_seconds: int
    overlap_seconds: int
    can_roll_back: bool


class RotationPlace(BaseModel):
    """A secret that the rotation writes; versions are those of its vault."""

    id: UUID
    item_id: int
    vault_url: str
    name: str
    base_version: str | None
    new_version: str | None
    reverted_version: str | None


class RotationStep(BaseModel):
    """One change of its state."""

    previous_state: str
    state: str
    attempt: int
    reason: str | None
    at: datetime


class Recourse(BaseModel):
    """What applies to whoever regrets the rotation now."""

    kind: Way
    sentence: str


class RotationDetail(Rotation):
    """A rotation with the secrets that it writes, its steps, and the way out."""

    places: list[RotationPlace]
    steps: list[RotationStep]
    recourse: Recourse
    plan: dict[str, Any] | None = Field(
        description="The plan of `plan_hash`, if somebody asked to see it; else ask:"
        " `POST /api/v1/rotations/plans`. The same digest is the same plan."
    )


class RotationRequest(BaseModel):
    """Which credential to replace, and how."""

    model_config = ConfigDict(extra="forbid")

    credential_id: UUID
    emergency: StrictBool = Field(
        default=False, description="No overlap: the old credential is known to others."
    )
    confirm: str = Field(
        default="",
        max_length=300,
        pattern=STORABLE,
        description="The credential's name, typed by you; needed for an emergency.",
    )
    reason: Reason = ""
    approval_required: StrictBool = Field(
        default=False, description="Somebody else has to approve the plan; a setting can ask too."
    )

    @model_validator(mode="after")
    def _sure(self) -> Self:
        if self.emergency and not (self.confirm and self.reason):
            raise ValueError("an emergency needs “confirm” (the credential's name) and “reason”.")
        return self


class RotationAccepted(BaseModel):
    """The rotation was asked for; it is found by its id when the rotator has heard of it."""

    id: UUID
    approval_required: bool


class PlanRequest(BaseModel):
    """Of which rotation to see the plan."""

    model_config = ConfigDict(extra="forbid")

    credential_id: UUID
    emergency: StrictBool = False


class PlanAccepted(BaseModel):
    """The plan was asked for; it is found by its id when the rotator has made it."""

    id: UUID


class PlanAnswer(BaseModel):
    """What a rotation would do, or the sentence on why that could not be told."""

    id: UUID
    credential_id: UUID
    emergency: bool
    requested_by: str
    made_at: datetime
    plan_hash: str | None
    document: dict[str, Any] | None = Field(
        description="What would be replaced and written, by ids; `steps`, `refusals`, `warnings`."
    )
    failure: str | None


class Approved(BaseModel):
    """Which plan was read."""

    model_config = ConfigDict(extra="forbid")

    plan_hash: PlanHash
    reason: Reason = ""


class Why(BaseModel):
    """Why it is asked for."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason = ""


class ChangeAccepted(BaseModel):
    """It was asked for; the rotation shows what became of it."""

    id: UUID
    change: RotationChange


class Pause(BaseModel):
    """While it stands, no rotation that it concerns changes anything."""

    scope: PauseScope
    target: str
    reason: str
    paused_by: str
    paused_at: datetime


class PauseList(BaseModel):
    """Every pause, the widest first."""

    data: list[Pause]


class PauseRequest(BaseModel):
    """What to hold, or to let go."""

    model_config = ConfigDict(extra="forbid")

    scope: PauseScope
    target: str = Field(
        default="",
        max_length=100,
        pattern=STORABLE,
        description="A subscription's id, or a credential's; empty for everything.",
    )
    paused: StrictBool
    reason: Reason = ""

    @model_validator(mode="after")
    def _meant(self) -> Self:
        if (self.scope is PauseScope.EVERYTHING) != (self.target == ""):
            raise ValueError("name a “target” for a subscription or a credential, and only there.")
        if self.scope is PauseScope.CREDENTIAL:
            self.target = _as_uuid(self.target)
        if self.paused and not self.reason:
            raise ValueError("say the “reason”: whoever finds rotations paused reads it.")
        return self


def _as_uuid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise ValueError("“target” is a credential's id, a UUID.") from None


class PauseAccepted(BaseModel):
    """It was asked for; the list shows it when the rotator has heard of it."""

    scope: PauseScope
    target: str
    paused: bool


class CredentialPlace(BaseModel):
    """A secret that holds the credential's value."""

    id: UUID
    item_id: int
    vault_url: str
    name: str
    subscription_id: str | None


class RotationCredential(BaseModel):
    """A credential that is rotated, with the secrets that hold it."""

    id: UUID
    kind: str
    name: str
    container: str = Field(description="The application that has it.")
    item_id: int = Field(description="The item that it was when it was confirmed.")
    key_id: str | None = Field(description="The credential in use, as the application names it.")
    state: str = Field(description="`active`, `quarantined` (look first) or `released`.")
    lifetime_days: int
    overlap_seconds: int
    added_at: datetime
    rotation_id: UUID | None = Field(description="The rotation that is under way.")
    policy_id: UUID | None = Field(description="The policy that decides; null: none does.")
    policy_name: str | None
    policy_reason: str | None = Field(
        description="Why it decides, or why none does; null before the first look."
    )
    ends_at: datetime | None = Field(description="When the one in use ends, by the policy.")
    next_rotation_at: datetime | None = Field(description="When the policy replaces it.")
    timeliness: str | None = Field(
        description="`in_time`, `brought_forward`, `overlap_cut` or `late`."
    )
    warning: str | None = Field(
        description="Why nothing comes next, or what is wrong with when it comes, and what to do."
    )
    places: list[CredentialPlace]


class CredentialAccepted(BaseModel):
    """The change was asked for; the list shows it when the rotator has heard of it."""

    id: UUID
