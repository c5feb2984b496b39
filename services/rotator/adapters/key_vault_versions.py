"""Versions of a secret as Azure's client gives them, and what must be true of one that is written.

Azure Key Vault, "About secrets": a version has at most 15 tags; instants are whole seconds.
"""

from datetime import datetime
from typing import Final

from azure.keyvault.secrets import KeyVaultSecret, SecretProperties

from services.rotator.domain.version import Version
from services.rotator.ports import Label, Made
from shared.clouds.client import unexpected
from shared.clouds.deeds import Deed
from shared.clouds.errors import AlteredError, RejectedError

MOST_TAGS: Final = 15


def to_version(properties: SecretProperties, asked: Deed) -> Version:
    """Return a version without its value. Raises `UnexpectedAnswerError` for half of one."""
    if not properties.version or properties.created_on is None:
        raise unexpected(asked, "it names no version, or not when that was made")
    return Version(
        id=properties.version,
        created_on=properties.created_on,
        enabled=properties.enabled is not False,
        expires_on=properties.expires_on,
        content_type=properties.content_type,
        tags=dict(properties.tags or {}),
    )


def require_writable(label: Label, asked: Deed) -> None:
    """Raise `RejectedError` for what Key Vault would not hold."""
    if (more := len(label.tags) - MOST_TAGS) > 0:
        raise RejectedError(
            f"{asked.not_done[:1].upper()}{asked.not_done[1:]}: with those that a rotation adds it"
            f" would have {len(label.tags)} tags, and Key Vault holds at most {MOST_TAGS}.",
            remedy=f"Remove {more} of the secret's own tags.",
        )


def require_unchanged(written: KeyVaultSecret, made: Made, label: Label, asked: Deed) -> Version:
    """Return the version that was written.

    Raises `AlteredError` if it is not what was sent; the error repeats no tag and no value.
    """
    version = to_version(written.properties, asked)
    differing = [
        name
        for name, same in {
            "its value": written.value == made.value.reveal(),
            "its end": version.expires_on == _whole(made.expires_on),
            "its tags": version.tags == label.tags,
            "its content type": (version.content_type or None) == (label.content_type or None),
            "that it is enabled": version.enabled,
        }.items()
        if not same
    ]
    if differing:
        raise AlteredError(
            f"Version {version.id} of {asked.unknown} was not written as it was sent: different are"
            f" {', '.join(differing)}.",
            remedy="Check what changes writes between here and the vault (a proxy), and whether"
            " somebody changed the version at the same moment.",
        )
    return version


def _whole(instant: datetime | None) -> datetime | None:
    return None if instant is None else instant.replace(microsecond=0)
