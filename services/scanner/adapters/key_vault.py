"""A vault's secrets, keys and certificates, by the data plane's three lists."""

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Final

from azure.core.rest import HttpRequest

from services.scanner.adapters import paths
from services.scanner.adapters.key_vault_rows import decode
from services.scanner.domain.inventory import VaultRef
from services.scanner.domain.listing import Page
from shared.clouds import CloudClient, CloudSession, HostGuard, SingleFlightCredential
from shared.clouds.client import get
from shared.clouds.paging import follow

API: Final = "7.6"
_PAGE: Final = "25"  # the most that Key Vault gives
_LISTS: Final = ("secrets", "keys", "certificates")

Pace = Callable[[VaultRef], Awaitable[None]]


async def unhurried(vault: VaultRef) -> None:
    """Wait for nothing; a budget for each subscription and region takes this one's place."""
    del vault


class KeyVaultReader:
    """Implements `ports.VaultReader`. `pace` is awaited before each page."""

    def __init__(
        self, session: CloudSession, credential: SingleFlightCredential, *, pace: Pace = unhurried
    ) -> None:
        self._session = session
        self._credential = credential
        self._pace = pace

    async def items(self, vault: VaultRef) -> AsyncIterator[Page]:
        """Yield the pages of the three lists, one after another on one connection."""
        host = HostGuard(self._session.cloud.owns_vault)
        async with self._session.one_connection(host, paths.VAULT) as transport:
            client = CloudClient(
                transport,
                self._credential,
                audience="vault",
                scope=self._session.cloud.vault_scope,
                total_seconds=self._session.timeouts.total,
            )
            turn = partial(self._pace, vault)
            for collection in _LISTS:
                what = f"the {collection} of vault {vault.name}"
                read = partial(decode, collection=collection, what=what)
                first = _first_page(vault, collection)
                async for page in follow(client, first, what, read, turn=turn):
                    yield page


def _first_page(vault: VaultRef, collection: str) -> HttpRequest:
    address = f"{vault.uri.rstrip('/')}/{collection}"
    return get(address, **{"api-version": API, "maxresults": _PAGE})
