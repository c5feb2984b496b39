"""How events name a credential: by reference, never by value."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class ItemKind(StrEnum):
    """What an item is: three kinds live in a Key Vault, two belong to an Entra application."""

    SECRET = "secret"  # noqa: S105 - a word, not a value
    KEY = "key"
    CERTIFICATE = "certificate"
    APP_SECRET = "app_secret"  # noqa: S105 - a word, not a value
    APP_CERTIFICATE = "app_certificate"


class CredentialRef(BaseModel):
    """Where a credential lives, in words that a person recognises."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    item_id: int = Field(description="The item's id in the inventory (`scanner.v_item`).")
    kind: ItemKind
    name: str = Field(description="Its name in the vault, or its display name in the application.")
    container: str = Field(
        description="The vault's or the application's name; of a resource's key the resource's,"
        " and the item is then the secret that holds it."
    )
    subscription_id: str | None = Field(
        default=None, description="The Azure subscription; none for an Entra application."
    )
