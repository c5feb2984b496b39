"""What people read: a title, a text and a link. Names and dates only; there is no value to leak."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shared.events import CredentialRef, ItemKind

_KINDS: Final = {
    ItemKind.SECRET: "Secret",
    ItemKind.KEY: "Key",
    ItemKind.CERTIFICATE: "Certificate",
    ItemKind.APP_SECRET: "Application secret",
    ItemKind.APP_CERTIFICATE: "Application certificate",
}


@dataclass(frozen=True, slots=True)
class Wording:
    """A message for people; `link` is a path on the gateway."""

    title: str
    text: str
    link: str


def expiring(ref: CredentialRef, expires_on: datetime, now: datetime) -> Wording:
    """Say which credential ends when, and what settles the alert."""
    when, what = _when(expires_on, now), _what(ref)
    return Wording(
        title=f"{what} {when}",
        text=(
            f"{what}{_place(ref)} {when}: {expires_on:%Y-%m-%d %H:%M} UTC. Renew it, or disable or"
            " delete it if nobody uses it. The alert closes when a scan sees that."
        ),
        link=_link(ref),
    )


def settled(ref: CredentialRef, evidence: str) -> Wording:
    """Say that a credential needs nobody any more, and why."""
    what = _what(ref)
    return Wording(
        title=f"Resolved: {what}", text=f"{what}{_place(ref)}: {evidence}", link=_link(ref)
    )


def _what(ref: CredentialRef) -> str:
    return f"{_KINDS[ref.kind]} “{ref.name}” in {ref.container}"


def _place(ref: CredentialRef) -> str:
    return f" (subscription {ref.subscription_id})" if ref.subscription_id else ""


def _when(expires_on: datetime, now: datetime) -> str:
    if expires_on <= now:
        return "has expired"
    days = (expires_on - now).days
    if days == 0:
        return "expires within a day"
    return f"expires in {days} {'day' if days == 1 else 'days'}"


def _link(ref: CredentialRef) -> str:
    return f"/items/{ref.item_id}"
