"""Credentials with the facts that selectors ask about."""

from typing import Any

from services.rotator.domain.described import Described, Kept
from shared.events import CredentialRef, ItemKind

SUBJECT = CredentialRef(item_id=1, kind=ItemKind.APP_SECRET, name="deploy", container="shop")


def a_place(**changes: Any) -> Kept:
    """A secret in a vault, unless told otherwise."""
    given: dict[str, Any] = {
        "name": "shop-password",
        "vault": "kv-prod",
        "subscription": ("s-1", "Payments"),
        "region": "weu",
        "tags": {},
        "vault_tags": {},
    }
    return Kept(**given | changes)


def described(*places: Kept | None, **changes: Any) -> Described:
    """An application's secret that these places hold."""
    given: dict[str, Any] = {
        "subject": SUBJECT,
        "status": "healthy",
        "owners": ("Ada", "ada@contoso.example"),
        "places": places,
    }
    return Described(**given | changes)
