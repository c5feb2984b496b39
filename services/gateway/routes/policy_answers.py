"""What the endpoints of policies, freezes and suggestions answer and take."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StrictBool

from services.gateway.domain.policy import (
    LONGEST_LIFETIME_DAYS,
    LONGEST_NAME,
    LONGEST_OVERLAP_SECONDS,
    LONGEST_REASON,
    LONGEST_WINDOW_MINUTES,
    MOST_WINDOWS,
    SHORTEST_OVERLAP_SECONDS,
    SHORTEST_WINDOW_MINUTES,
    Opening,
    Terms,
)
from services.gateway.routes.answers import Meta
from services.gateway.routes.parameters import STORABLE, Instant
from shared.cron import LONGEST, SHORTEST
from shared.selector import MOST_CHARACTERS


def _told(**bounds: JsonValue) -> dict[str, JsonValue]:
    """Return bounds that are only told: a refusal says how numbers fit together."""
    return bounds


class PolicyWindow(BaseModel):
    """A time in which rotations may begin: it opens by a recurrence and stays open for a while."""

    model_config = ConfigDict(extra="forbid")

    opens: str = Field(
        max_length=LONGEST,
        description="Five cron fields, such as `0 2 * * 6`.",
        json_schema_extra=_told(minLength=SHORTEST),
    )
    time_zone: str = Field(default="UTC", max_length=100, description="As `Europe/Berlin`.")
    lasts_minutes: int = Field(
        json_schema_extra=_told(minimum=SHORTEST_WINDOW_MINUTES, maximum=LONGEST_WINDOW_MINUTES),
    )


class PolicyRequest(BaseModel):
    """A whole policy; it takes the place of what it was."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=LONGEST_NAME, pattern=STORABLE)
    selector: str = Field(
        min_length=1,
        max_length=MOST_CHARACTERS,
        pattern=STORABLE,
        description="Which credentials it means; “name:*” means all of them.",
    )
    priority: int = Field(
        default=100, ge=0, le=10_000, description="Of several that mean one the lowest decides."
    )
    rotate_before_days: int | None = Field(
        default=None,
        ge=1,
        le=LONGEST_LIFETIME_DAYS,
        description="Before the end. Null: 30 days, or a third of the lifetime where that is less.",
    )
    lifetime_days: int = Field(
        default=90, ge=1, le=LONGEST_LIFETIME_DAYS, description="How long a credential is used."
    )
    overlap_seconds: int = Field(
        default=172_800,
        ge=0,
        le=LONGEST_OVERLAP_SECONDS,
        description="How long the old one works on beside the new one; an hour at least, and"
        " `ROTATION_OVERLAP_FLOOR_SECONDS`.",
        json_schema_extra=_told(minimum=SHORTEST_OVERLAP_SECONDS),
    )
    windows: list[PolicyWindow] = Field(
        default=[], max_length=MOST_WINDOWS, description="When rotations may begin; none: always."
    )
    requires_approval: StrictBool = Field(
        default=False, description="Somebody approves each plan; `APPROVAL_REQUIRED` can ask, too."
    )
    enabled: StrictBool = Field(
        default=True, description="A disabled one rotates nothing, and keeps others from it."
    )

    def terms(self) -> Terms:
        """Return what is wanted."""
        windows = tuple(Opening(**window.model_dump()) for window in self.windows)
        return Terms(**self.model_dump(exclude={"windows"}), windows=windows)


class Policy(BaseModel):
    """Which credentials are replaced by themselves, when, and how."""

    id: UUID
    name: str
    selector: str
    priority: int
    rotate_before_days: int | None
    lifetime_days: int
    overlap_seconds: int
    windows: list[PolicyWindow]
    requires_approval: bool
    enabled: bool
    credentials: int = Field(description="How many it decides about, at the last look.")
    changed_by: str
    changed_at: datetime


class FreezeRequest(BaseModel):
    """When no rotation by a policy begins, and why."""

    model_config = ConfigDict(extra="forbid")

    starts_at: Instant
    ends_at: Instant = Field(description="Not frozen itself.")
    reason: Annotated[str, Field(min_length=1, max_length=LONGEST_REASON, pattern=STORABLE)]


class Freeze(BaseModel):
    """A time in which no rotation by a policy begins; those under way go on."""

    id: UUID
    starts_at: datetime
    ends_at: datetime
    reason: str
    changed_by: str
    changed_at: datetime


class ChangeAsked(BaseModel):
    """The change was asked for; the list shows it when the rotator has heard of it."""

    id: UUID


class Evidence(BaseModel):
    """One thing that speaks for a match, and how strongly (0 to 1)."""

    evidence: str
    weight: float


class Suggestion(BaseModel):
    """A vault's secret that could hold an application's secret. Nothing is rotated by it."""

    item_id: int = Field(description="The application's secret.")
    name: str
    application_name: str | None
    place_item_id: int = Field(description="The vault's secret.")
    place_name: str
    vault_name: str | None
    subscription_id: str | None
    score: float = Field(description="How likely it is, from 0 to 1.")
    band: str = Field(description="`high`, `medium` or `low`.")
    sentence: str = Field(description="What speaks for it.")
    signals: list[Evidence]
    confirmed: bool
    ambiguous: bool = Field(description="Another credential fits the secret as well.")
    refusal: str | None = Field(description="Why no policy rotates it, and what to do.")


class Look(BaseModel):
    """When the inventory was read for the suggestions, and of how much it was."""

    read_at: datetime
    credentials: int
    secrets: int
    left_out: int = Field(description="Matches that were too many to be kept.")


class SuggestionPage(BaseModel):
    """One page of suggestions; `look` is null before the first one."""

    data: list[Suggestion]
    meta: Meta
    look: Look | None


class LookAsked(BaseModel):
    """A new look was asked for; `look.read_at` of the list tells when it was made."""

    requested_by: str
