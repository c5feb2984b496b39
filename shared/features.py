"""What the installation may do: feature flags behind one port.

Code asks for a feature by name and never for a tier. Until a licence says otherwise the evaluation
allows everything.
"""

from enum import StrEnum
from typing import Protocol


class Feature(StrEnum):
    """What a licence can switch on or off."""

    ROTATION = "rotation"
    SYNC = "sync"
    DEPENDENCIES = "dependencies"
    SINGLE_SIGN_ON = "single_sign_on"
    SEVERAL_USERS = "several_users"
    SCOPED_ROLES = "scoped_roles"
    APPROVALS = "approvals"
    SIEM = "siem"


class Features(Protocol):
    """Says whether a feature may be used now."""

    async def allows(self, feature: Feature) -> bool:
        """Return whether `feature` is licensed and not switched off."""
        ...


class EvaluationFeatures:
    """The evaluation: every feature is allowed."""

    async def allows(self, feature: Feature) -> bool:
        """Return True for every known feature."""
        return feature in Feature
