"""A vault's secrets, keys and certificates, by the data plane's three lists."""

from collections.abc import AsyncIterator, Callable
from typing import Final

from azure.core.rest import HttpRequest

from services.scanner.adapters import paths, wire
from services.scanner.domain.inventory import Item, ItemKind, VaultRef
from shared.clouds import (
    CloudClient,
    CloudSession,
    Gate,
    HostGuard,
    OpenGate,
    SingleFlightCredential,
    pages,
)
from shared.clouds.client import get, unexpected

_API: Final = "7.6"
_PAGE: Final = "25"  # the most that Key Vault gives
_LISTS: Final = (
    ("secrets", ItemKind.SECRET, "id"),
    ("keys", ItemKind.KEY, "kid"),
    ("certificates", ItemKind.CERTIFICATE, "id"),
)

GateOf = Callable[[VaultRef], Gate]


def open_gate(vault: VaultRef) -> Gate:
    """Return a gate that keeps no budget."""
    del vault
    return OpenGate()


class KeyVaultReader:
    """Implements `ports.VaultReader`. `gate` names the gate that requests to a vault pass."""

    def __init__(
        self,
        session: CloudSession,
        credential: SingleFlightCredential,
        *,
        gate: GateOf = open_gate,
    ) -> None:
        self._session = session
        self._credential = credential
        self._gate = gate

    async def items(self, vault: VaultRef) -> AsyncIterator[list[Item]]:
        """Yield the pages of the three lists, one after another on one connection."""
        host = HostGuard(self._session.cloud.owns_vault)
        async with self._session.one_connection(host, paths.VAULT) as transport:
            client = CloudClient(
                transport,
                self._credential,
                audience="vault",
                scope=self._session.cloud.vault_scope,
                total_seconds=self._session.timeouts.total,
                gate=self._gate(vault),
            )
            for collection, kind, id_name in _LISTS:
                what = f"the {collection} of vault {vault.name}"
                first = _first_page(vault, collection)
                async for rows in pages(client, first, what):
                    yield [_item(row, collection, kind, id_name, what) for row in rows]


def _first_page(vault: VaultRef, collection: str) -> HttpRequest:
    address = f"{vault.uri.rstrip('/')}/{collection}"
    return get(address, **{"api-version": _API, "maxresults": _PAGE})


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
