"""A credential as the inventory shows it, and which credential of a family speaks for it.

A logical credential is what somebody would renew. In a vault that is the item. In Entra it is an
application's passwords (or certificates) together: renewing one means adding another, so the newest
usable one decides and the older ones run out in silence.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from shared.events import CredentialRef

_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """One row of `scanner.v_item`, as far as an alert needs it. All instants are aware UTC."""

    ref: CredentialRef
    enabled: bool = True
    managed: bool = False
    created_on: datetime | None = None
    not_before: datetime | None = None
    expires_on: datetime | None = None
    deleted_at: datetime | None = None
    application_id: str | None = None

    def active(self, now: datetime) -> bool:
        """Return whether its time has begun."""
        return self.not_before is None or self.not_before <= now

    def usable(self, now: datetime) -> bool:
        """Return whether somebody could be using it: it exists, is enabled, and has begun."""
        return self.deleted_at is None and self.enabled and self.active(now)


def fingerprint(credential: Credential) -> str:
    """Name the logical credential; at most one alert is open for it."""
    if credential.application_id is None:
        return f"secret_expiring/item/{credential.ref.item_id}"
    return f"secret_expiring/application/{credential.application_id}/{credential.ref.kind}"


def speaker(family: Sequence[Credential], now: datetime) -> Credential | None:
    """Return the newest usable credential; with none usable, the one that comes closest to it."""
    return max(family, key=lambda one: _standing(one, now), default=None)


def _standing(one: Credential, now: datetime) -> tuple[bool, bool, bool, datetime, int]:
    return (
        one.deleted_at is None,
        one.enabled,
        one.active(now),
        one.created_on or _NEVER,
        one.ref.item_id,
    )
