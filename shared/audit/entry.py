"""One line of the audit log, as an allow-list: what has no field here cannot be written."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, IPvAnyAddress, StringConstraints

from shared.audit.actions import Action

Outcome = Literal["done", "refused", "failed"]
_Name = Annotated[str, StringConstraints(min_length=1, max_length=300, pattern=r"^[^\x00]*$")]
_Text = Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00]*$")]


class AuditEntry(BaseModel):
    """Who did what to what, and how it ended. Names and counts only; never a secret's value.

    When it happened, in which transaction and which service wrote it, the database itself adds.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    action: Action
    actor: _Name = Field(description="A user's name, an API token's name, or a service's name.")
    subject: _Name = Field(description="What was acted on: an id or a resource id.")
    outcome: Outcome = "done"
    correlation_id: UUID | None = Field(default=None, description="The course of events.")
    address: IPvAnyAddress | None = Field(default=None, description="Where a request came from.")
    scope: _Name | None = Field(default=None, description="Its reach: mode, endpoint, role.")
    reason: _Text | None = Field(default=None, description="Why it was done, or was refused.")
    amount: int | None = Field(
        default=None, ge=0, lt=2**63, description="How many things it touched."
    )
    before: _Name | None = Field(default=None, description="A setting's or state's former name.")
    after: _Name | None = Field(default=None, description="Its name afterwards.")
