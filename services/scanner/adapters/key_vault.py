"""A vault's secrets, keys and certificates, by the data plane's three lists."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from azure.core.rest import HttpRequest

from services.scanner.adapters import paths
from services.scanner.adapters.key_vault_rows import decode
from services.scanner.domain.calls import Calls
from services.scanner.domain.inventory import VaultRef
from services.scanner.domain.listing import Page
from shared.clouds import (
    CloudClient,
    CloudSession,
    Gate,
    HostGuard,
    OpenGate,
    SingleFlightCredential,
)
from shared.clouds.client import get
from shared.clouds.paging import follow

API: Final = "7.6"
_PAGE: Final = "25"  # the most that Key Vault gives
_LISTS: Final = ("secrets", "keys", "certificates")
# A certificate that was never completed is listed only when it is asked for.
_MORE: Final = {"certificates": {"includePending": "true"}}

GateOf = Callable[[VaultRef], Gate]


def open_gate(vault: VaultRef) -> Gate:
    """Return a gate that keeps no budget."""
    del vault
    return OpenGate()


@asynccontextmanager
async def open_vault(
    session: CloudSession,
    credential: SingleFlightCredential,
    vault: VaultRef,
    calls: Calls,
    gate: Gate,
) -> AsyncIterator[CloudClient]:
    """Open one connection to a vault; what is sent on it passes the gate and is counted."""
    host = HostGuard(session.cloud.owns_vault)
    async with session.one_connection(host, paths.VAULT) as transport:
        yield CloudClient(
            transport,
            credential,
            audience="vault",
            scope=session.cloud.vault_scope,
            total_seconds=session.timeouts.total,
            gate=gate,
            on_attempt=lambda url: calls.note(vault.name, paths.kind_of(url)),
        )


class KeyVaultReader:
    """Implements `ports.VaultReader`. `gate` names the gate that requests to a vault pass."""

    def __init__(
        self,
        session: CloudSession,
        credential: SingleFlightCredential,
        *,
        gate: GateOf = open_gate,
        calls: Calls | None = None,
    ) -> None:
        self._session = session
        self._credential = credential
        self._gate = gate
        self._calls = Calls() if calls is None else calls

    async def items(self, vault: VaultRef) -> AsyncIterator[Page]:
        """Yield the pages of the three lists, one after another on one connection."""
        opened = open_vault(self._session, self._credential, vault, self._calls, self._gate(vault))
        async with opened as client:
            for collection in _LISTS:
                what = f"the {collection} of vault {vault.name}"
                read = partial(decode, collection=collection, what=what)
                first = first_page(vault, collection, **_MORE.get(collection, {}))
                async for page in follow(client, first, what, read):
                    yield page


def first_page(vault: VaultRef, path: str, **more: str) -> HttpRequest:
    """Return the request for the first page of a list."""
    address = f"{vault.uri.rstrip('/')}/{path}"
    return get(address, **{"api-version": API, "maxresults": _PAGE, **more})
