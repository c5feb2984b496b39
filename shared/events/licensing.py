"""The licence and new releases."""

from enum import StrEnum
from typing import ClassVar

from pydantic import AwareDatetime, Field

from shared.events.base import Event


class LicenseState(StrEnum):
    """What the licence allows now; `restricted` blocks new rotations and syncs only."""

    EVALUATION = "evaluation"
    VALID = "valid"
    GRACE = "grace"
    RESTRICTED = "restricted"


class LicenseChanged(Event):
    """The licence's state or features changed."""

    type: ClassVar[str] = "certifyclouds.license.changed.v1"

    state: LicenseState
    features: tuple[str, ...] = ()
    valid_until: AwareDatetime | None = None


class LicenseRefreshRequested(Event):
    """Somebody wants the licence checked now."""

    type: ClassVar[str] = "certifyclouds.license.refresh-requested.v1"

    requested_by: str


class ReleaseAvailable(Event):
    """A newer release exists."""

    type: ClassVar[str] = "certifyclouds.release.available.v1"

    version: str
    security: bool = Field(default=False, description="It closes a security hole.")
