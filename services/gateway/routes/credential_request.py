"""What somebody names who confirms which secrets hold a credential."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.gateway.domain.rotation import LONGEST_OVERLAP_SECONDS
from services.gateway.routes.parameters import STORABLE

MOST_PLACES = 20
LONGEST_LIFETIME_DAYS = 730
LARGEST_BIGINT = 2**63 - 1


class CredentialRequest(BaseModel):
    """Which client secret, or which key of a resource, is rotated, and which secrets hold it."""

    model_config = ConfigDict(extra="forbid")

    item_id: int | None = Field(
        default=None, ge=1, le=LARGEST_BIGINT, description="A client secret of an application."
    )
    resource: str | None = Field(
        default=None,
        max_length=500,
        pattern=STORABLE,
        description="Instead of `item_id`: the id in Azure of a resource with two keys, or of its"
        " authorization rule (Service Bus, Event Hubs).",
    )
    slot: str | None = Field(
        default=None,
        max_length=20,
        pattern=STORABLE,
        description="With `resource`: the key that is in use, `key1` or `key2` (Storage, Cognitive"
        " Services), `primary` or `secondary` (Cosmos DB, Service Bus, Event Hubs).",
    )
    place_ids: list[Annotated[int, Field(ge=1, le=LARGEST_BIGINT)]] = Field(
        min_length=1, max_length=MOST_PLACES, description="Ids of secrets in vaults."
    )
    lifetime_days: int = Field(
        default=90, ge=1, le=LONGEST_LIFETIME_DAYS, description="Of each new credential."
    )
    overlap_seconds: int = Field(
        default=172_800,
        ge=0,
        le=LONGEST_OVERLAP_SECONDS,
        description="How long the old one works on; at least `ROTATION_OVERLAP_FLOOR_SECONDS`.",
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        of_resource = (self.resource is not None, self.slot is not None)
        if any(of_resource) == (self.item_id is not None) or len(set(of_resource)) > 1:
            raise ValueError("name either “item_id”, or “resource” and “slot”.")
        return self
