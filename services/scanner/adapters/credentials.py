"""The passwords and certificates of one application or service principal, as Graph lists them.

A password's `hint` and `secretText` are not read: an item has no place for either.
"""

from collections.abc import Set as AbstractSet
from typing import Final

from services.scanner.domain.directory import DirectoryObject
from services.scanner.domain.inventory import Application, Credential, Item, ItemKind
from shared.clouds import wire
from shared.clouds.paging import rows

_SECRETS: Final = "passwordCredentials"
_CERTIFICATES: Final = "keyCredentials"


def credentials(row: wire.Row, owner: DirectoryObject, what: str) -> list[Item]:
    """Return all credentials of an object that was listed with both of their properties."""
    application = Application(
        object_id=owner.object_id, app_id=owner.app_id, display_name=owner.display_name
    )
    keys = [
        _item(one, ItemKind.APP_CERTIFICATE, application, what)
        for one in rows(row, _CERTIFICATES, what)
    ]
    taken = {key.external_id for key in keys}
    secrets = [
        _item(one, ItemKind.APP_SECRET, application, what, taken=taken)
        for one in rows(row, _SECRETS, what)
    ]
    return [*secrets, *keys]


def _item(
    row: wire.Row,
    kind: ItemKind,
    application: Application,
    what: str,
    *,
    taken: AbstractSet[str] = frozenset(),
) -> Item:
    """Graph tells when a credential becomes valid, not when it was made.

    The password of a signing certificate has the certificate's keyId (`taken`).
    """
    key_id = wire.text(row, "keyId", what)
    external_id = f"{application.object_id}/{key_id}"
    certificate = kind is ItemKind.APP_CERTIFICATE
    return Item(
        kind=kind,
        external_id=f"{external_id}/password" if external_id in taken else external_id,
        name=wire.text_or_empty(row, "displayName", what) or application.display_name,
        not_before=wire.iso_instant(row, "startDateTime", what),
        expires_on=wire.iso_instant(row, "endDateTime", what),
        content_type=wire.optional(row, "type", str, what) if certificate else None,
        thumbprint=wire.thumbprint(row, "customKeyIdentifier", what) if certificate else None,
        application=application,
        credential=Credential(
            key_id=key_id,
            usage=wire.optional(row, "usage", str, what) if certificate else None,
            custom_key_identifier=wire.optional(row, "customKeyIdentifier", str, what),
        ),
    )
