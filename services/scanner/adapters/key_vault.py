"""A vault's secrets, keys and certificates, by the data plane's three lists."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from azure.core.rest import HttpRequest

from services.scanner.adapters import paths
from services.scanner.adapters.key_vault_rows import decode
from services.scanner.domain.calls import Calls
from services.scanner.domain.inventory import VaultRef
from services.scanner.domain.listing import Page
from shared.clouds import CloudClient, CloudSession, HostGuard, SingleFlightCredential
from shared.clouds.client import get
from shared.clouds.paging import follow

API: Final = "7.6"
_PAGE: Final = "25"  # the most that Key Vault gives
_LISTS: Final = ("secrets", "keys", "certificates")
# A certificate that was never completed is listed only when it is asked for.
_MORE: Final = {"certificates": {"includePending": "true"}}

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

    async def items(self, vault: VaultRef) -> AsyncIterator[Page]:
        """Yield the pages of the three lists, one after another on one connection."""
        turn = partial(self._pace, vault)
        async with open_vault(self._session, self._credential, vault, self._calls) as client:
            for collection in _LISTS:
                what = f"the {collection} of vault {vault.name}"
                read = partial(decode, collection=collection, what=what)
                first = first_page(vault, collection, **_MORE.get(collection, {}))
                async for page in follow(client, first, what, read, turn=turn):
                    yield page


def first_page(vault: VaultRef, path: str, **more: str) -> HttpRequest:
    """Return the request for the first page of a list."""
    address = f"{vault.uri.rstrip('/')}/{path}"
    return get(address, **{"api-version": API, "maxresults": _PAGE, **more})
