"""A credential as the inventory shows it, and which credential of a family speaks for it.

A logical credential is what somebody would renew. In a vault that is the item. In Entra it is an
application's passwords (or certificates) of one name together: renewing one means adding another,
so the newest usable one decides and the older ones run out in silence.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final

from shared.events import CredentialRef, ItemKind

_BEGINNING: Final = datetime.min.replace(tzinfo=UTC)
_END: Final = datetime.max.replace(tzinfo=UTC)
_CERTIFICATES: Final = frozenset({ItemKind.CERTIFICATE, ItemKind.APP_CERTIFICATE})
SHORT_LIFETIME: Final = timedelta(days=60)
WARNING_SHARE: Final = 33
"""Percent of a short-lived certificate's lifetime that is left when people are first told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """One row of `scanner.v_item`, as far as an alert needs it. All instants are aware UTC.

    `application` is the object id of the Entra application that it belongs to, if it does.
    """

    ref: CredentialRef
    enabled: bool = True
    managed: bool = False
    created_on: datetime | None = None
    not_before: datetime | None = None
    expires_on: datetime | None = None
    deleted_at: datetime | None = None
    application: str | None = None

    def starts_on(self) -> datetime | None:
        """Return when its time begins, as far as the cloud says."""
        return self.not_before or self.created_on

    def active(self, now: datetime) -> bool:
        """Return whether its time has begun."""
        return self.not_before is None or self.not_before <= now

    def usable(self, now: datetime) -> bool:
        """Return whether somebody could be using it: it exists, is enabled, and has begun."""
        return self.deleted_at is None and self.enabled and self.active(now)


def fingerprint(credential: Credential) -> str:
    """Name the logical credential; at most one alert is open for it."""
    ref = credential.ref
    if credential.application is None:
        return f"secret_expiring/item/{ref.item_id}"
    digest = sha256(ref.name.encode()).hexdigest()[:16]
    return f"secret_expiring/application/{credential.application}/{ref.kind}/{digest}"


def speaker(family: Sequence[Credential], now: datetime) -> Credential | None:
    """Return the newest usable credential; with none usable, the one that comes closest to it."""
    return max(family, key=lambda one: _standing(one, now), default=None)


def _standing(
    one: Credential, now: datetime
) -> tuple[bool, bool, bool, bool, datetime, datetime, int]:
    """Order from gone to usable, and the usable from old to new: by start, then by end.

    The parts of a certificate that are renewed with it speak for nobody.
    """
    return (
        not one.managed,
        one.deleted_at is None,
        one.enabled,
        one.active(now),
        one.starts_on() or _BEGINNING,
        one.expires_on or _END,
        one.ref.item_id,
    )


def fitting(credential: Credential, steps: Sequence[int]) -> tuple[int, ...]:
    """Return the steps that make sense for a credential.

    A certificate that lives 60 days or less would be announced all its life; it has the steps of
    the last third only.
    """
    lifetime = _lifetime(credential)
    if lifetime is None or lifetime > SHORT_LIFETIME:
        return tuple(steps)
    return tuple(step for step in steps if timedelta(days=step) <= lifetime * WARNING_SHARE // 100)


def _lifetime(credential: Credential) -> timedelta | None:
    """Return how long a certificate lives from beginning to end; None for all else."""
    starts_on = credential.starts_on()
    if starts_on is None or credential.expires_on is None:
        return None
    if credential.ref.kind not in _CERTIFICATES or credential.expires_on <= starts_on:
        return None
    return credential.expires_on - starts_on
