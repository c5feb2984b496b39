"""The permission doctor: a check is asked for, and what the identity could do has changed."""

from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from pydantic import AwareDatetime, Field

from shared.events.base import Event


class Answer(StrEnum):
    """Yes, no, or honestly neither."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class PermissionCheckRequested(Event):
    """Somebody wants to know what discovery's identity may do.

    A check that began after `requested_at` answers it, whoever asked for that one.
    """

    type: ClassVar[str] = "certifyclouds.permission.check-requested.v1"

    requested_at: AwareDatetime = Field(description="By the database's clock.")
    requested_by: str = Field(description="The user or API token that asked.")


class PermissionChanged(Event):
    """A check of discovery's identity came to another answer than the one before it.

    Published with the first check, and whenever `could_read_values` changes.
    """

    type: ClassVar[str] = "certifyclouds.permission.changed.v1"

    check_id: UUID
    could_read_values: Answer = Field(
        description="Whether the identity that discovers could come to a value of a vault."
    )
    before: Answer | None = Field(default=None, description="None: nothing was checked before.")
    excess: int = Field(description="Permissions that it has and must not have.")
    missing: int = Field(description="Permissions that it needs and has not.")
    unknown: int = Field(description="Permissions that could not be tried. Not held: unknown.")
