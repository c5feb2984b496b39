"""The passwords and certificates of the tenant's Entra applications, by Microsoft Graph.

Graph lists a password's first characters as `hint`. It ends here: nothing that leaves this module
has a place for it.
"""

from collections.abc import AsyncIterator
from typing import Final

from services.scanner.adapters import wire
from services.scanner.domain.inventory import Application, Item, ItemKind
from services.scanner.domain.listing import Page
from shared.clouds import CloudClient, pages
from shared.clouds.client import get
from shared.clouds.paging import rows

_WHAT: Final = "the applications' credentials"
_FIELDS: Final = "id,appId,displayName,passwordCredentials,keyCredentials"
_PAGE: Final = "999"  # the most that Graph gives for applications


class EntraDirectory:
    """Implements `ports.Directory`. `graph` is Graph's endpoint, without a slash at its end."""

    def __init__(self, client: CloudClient, graph: str) -> None:
        self._client = client
        self._graph = graph

    async def credentials(self) -> AsyncIterator[Page]:
        first = get(f"{self._graph}/v1.0/applications", **{"$select": _FIELDS, "$top": _PAGE})
        async for page in pages(self._client, first, _WHAT, link="@odata.nextLink"):
            yield Page.of(item for row in page for item in _items(row))


def _items(row: wire.Row) -> list[Item]:
    application = Application(
        object_id=wire.text(row, "id", _WHAT),
        app_id=wire.text(row, "appId", _WHAT),
        display_name=wire.text_or_empty(row, "displayName", _WHAT),
    )
    secrets = rows(row, "passwordCredentials", _WHAT)
    certificates = rows(row, "keyCredentials", _WHAT)
    return [
        *(_item(credential, ItemKind.APP_SECRET, application) for credential in secrets),
        *(_item(credential, ItemKind.APP_CERTIFICATE, application) for credential in certificates),
    ]


def _item(credential: wire.Row, kind: ItemKind, application: Application) -> Item:
    """Graph tells when a credential becomes valid, not when it was made."""
    key_id = wire.text(credential, "keyId", _WHAT)
    certificate = kind is ItemKind.APP_CERTIFICATE
    return Item(
        kind=kind,
        external_id=f"{application.object_id}/{key_id}",
        name=wire.text_or_empty(credential, "displayName", _WHAT) or application.display_name,
        not_before=wire.iso_instant(credential, "startDateTime", _WHAT),
        expires_on=wire.iso_instant(credential, "endDateTime", _WHAT),
        content_type=wire.optional(credential, "type", str, _WHAT) if certificate else None,
        thumbprint=(
            wire.thumbprint(credential, "customKeyIdentifier", _WHAT) if certificate else None
        ),
        application=application,
    )
