"""Rotation by policies: what people decide about it, and what is to come of it."""

from typing import ClassVar
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from shared.events.base import Event
from shared.events.items import CredentialRef


class RotationWindow(BaseModel):
    """A time in which rotations may begin: it opens by a recurrence and stays open for a while."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    opens: str = Field(description="Five cron fields, such as `0 2 * * 6`.")
    time_zone: str = Field(default="UTC", description="As `Europe/Berlin`.")
    lasts_minutes: int


class RotationPolicyChangeRequested(Event):
    """Somebody wants a rotation policy as it is here, or (`removed`) no longer.

    The policy is replaced as a whole. Of two requests for one policy the one that was published
    later counts, whichever arrives first.
    """

    type: ClassVar[str] = "certifyclouds.rotation.policy-change-requested.v1"

    policy_id: UUID
    name: str = Field(default="", description="No two policies have the same; empty if `removed`.")
    selector: str = Field(default="", description="Which credentials it means.")
    priority: int = Field(default=100, description="Of several that mean one the lowest counts.")
    rotate_before_days: int | None = Field(
        default=None, description="Null: 30 days, or a third of the lifetime where that is less."
    )
    lifetime_days: int = Field(default=90, description="How long a credential is used.")
    overlap_seconds: int = Field(
        default=172_800, description="How long the old one works on beside the new one."
    )
    windows: tuple[RotationWindow, ...] = Field(default=(), description="None: at any time.")
    requires_approval: bool = False
    enabled: bool = True
    removed: bool = False
    requested_by: str = Field(description="The user or API token that asked.")


class RotationFreezeChangeRequested(Event):
    """Somebody wants no rotation by a policy to begin in a time, or (`removed`) takes that back.

    Of two requests for one freeze the one that was published later counts.
    """

    type: ClassVar[str] = "certifyclouds.rotation.freeze-change-requested.v1"

    freeze_id: UUID
    starts_at: AwareDatetime | None = Field(default=None, description="Null only if `removed`.")
    ends_at: AwareDatetime | None = Field(default=None, description="Likewise; not frozen itself.")
    reason: str = Field(default="", description="Why, for whoever waits.")
    removed: bool = False
    requested_by: str = Field(description="The user or API token that asked.")


class RotationSuggestionsRequested(Event):
    """Somebody wants a new look at which vault secrets could hold which credentials.

    Nothing else follows; suggestions are also made anew after each scan.
    """

    type: ClassVar[str] = "certifyclouds.rotation.suggestions-requested.v1"

    requested_by: str = Field(description="The user or API token that asked.")


class RotationUpcoming(Event):
    """A policy will replace a credential soon, or cannot do so in time.

    Published once for each credential that is in use and each way in which it stands to its end.
    """

    type: ClassVar[str] = "certifyclouds.rotation.upcoming.v1"

    credential_id: UUID = Field(description="The rotator's own (`rotator.v_credential`).")
    credential: CredentialRef
    policy: str = Field(description="The policy's name.")
    at: AwareDatetime = Field(description="When the rotation begins.")
    ends_at: AwareDatetime = Field(description="When the present credential ends, by the policy.")
    timeliness: str = Field(
        description="`in_time`, `brought_forward`, `overlap_cut` (it ends before the overlap has"
        " passed) or `late` (it ends before the rotation begins)."
    )
    warning: str | None = Field(description="What is wrong with that, and what to do.")
