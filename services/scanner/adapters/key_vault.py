"""A vault's secrets, keys and certificates, by the data plane's three lists."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from azure.core.rest import HttpRequest

from services.scanner.adapters import paths, wire
from services.scanner.domain.calls import Calls
from services.scanner.domain.inventory import Item, ItemKind, VaultRef
from shared.clouds import CloudClient, CloudSession, HostGuard, SingleFlightCredential, pages
from shared.clouds.client import get, unexpected

API: Final = "7.6"
_PAGE: Final = "25"  # the most that Key Vault gives
# A certificate that was never completed is listed only when it is asked for.
_MORE: Final = {"certificates": {"includePending": "true"}}
_LISTS: Final = (
    ("secrets", ItemKind.SECRET, "id"),
    ("keys", ItemKind.KEY, "kid"),
    ("certificates", ItemKind.CERTIFICATE, "id"),
)

Pace = Callable[[VaultRef], Awaitable[None]]


async def unhurried(vault: VaultRef) -> None:
    """Wait for nothing; a budget for each subscription and region takes this one's place."""
    del vault


@asynccontextmanager
async def open_vault(
    session: CloudSession, credential: SingleFlightCredential, vault: VaultRef, calls: Calls
) -> AsyncIterator[CloudClient]:
    """Open one connection to a vault; what is sent on it is counted."""
    host = HostGuard(session.cloud.owns_vault)
    async with session.one_connection(host, paths.VAULT) as transport:
        yield CloudClient(
            transport,
            credential,
            audience="vault",
            scope=session.cloud.vault_scope,
            total_seconds=session.timeouts.total,
            on_attempt=lambda url: calls.note(vault.name, paths.kind_of(url)),
        )


class KeyVaultReader:
    """Implements `ports.VaultReader`. `pace` is awaited before each page."""

    def __init__(
        self,
        session: CloudSession,
        credential: SingleFlightCredential,
        *,
        pace: Pace = unhurried,
        calls: Calls | None = None,
    ) -> None:
        self._session = session
        self._credential = credential
        self._pace = pace
        self._calls = Calls() if calls is None else calls

    async def items(self, vault: VaultRef) -> AsyncIterator[list[Item]]:
        """Yield the pages of the three lists, one after another on one connection."""
        async with open_vault(self._session, self._credential, vault, self._calls) as client:
            for collection, kind, id_name in _LISTS:
                what = f"the {collection} of vault {vault.name}"
                first = first_page(vault, collection, **_MORE.get(collection, {}))
                turn = partial(self._pace, vault)
                async for rows in pages(client, first, what, turn=turn):
                    yield [_item(row, collection, kind, id_name, what) for row in rows]


def first_page(vault: VaultRef, path: str, **more: str) -> HttpRequest:
    """Return the request for the first page of a list."""
    address = f"{vault.uri.rstrip('/')}/{path}"
    return get(address, **{"api-version": API, "maxresults": _PAGE, **more})


def _item(row: wire.Row, collection: str, kind: ItemKind, id_name: str, what: str) -> Item:
    attributes = wire.part(row, "attributes", what)
    name = _name(wire.text(row, id_name, what), collection, what)
    enabled = wire.optional(attributes, "enabled", bool, what)
    return Item(
        kind=kind,
        external_id=f"{collection}/{name}",
        name=name,
        enabled=True if enabled is None else enabled,
        created_on=wire.unix_instant(attributes, "created", what),
        updated_on=wire.unix_instant(attributes, "updated", what),
        not_before=wire.unix_instant(attributes, "nbf", what),
        expires_on=wire.unix_instant(attributes, "exp", what),
        content_type=wire.optional(row, "contentType", str, what),
        tags=wire.tags(row, what),
        recovery_level=wire.optional(attributes, "recoveryLevel", str, what),
        recoverable_days=wire.optional(attributes, "recoverableDays", int, what),
        managed=wire.optional(row, "managed", bool, what) or False,
        thumbprint=wire.thumbprint(row, "x5t", what),
    )


def _name(identifier: str, collection: str, what: str) -> str:
    """Return the name in `https://<vault>/<collection>/<name>`."""
    _, found, name = identifier.partition(f"/{collection}/")
    if not found or not name or "/" in name:
        raise unexpected(what, "an item's id does not name one")
    return name
