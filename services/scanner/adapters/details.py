"""What a vault says of one item: versions, public halves, policies, a pending operation.

Azure Key Vault REST API reference 7.6: Get Secret/Key/Certificate Versions, Get Key, Get Key
Rotation Policy, Get Certificate, Get Certificate Operation.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from services.scanner.adapters import bundles
from services.scanner.adapters.key_vault import API, GateOf, first_page, open_gate, open_vault
from services.scanner.domain.calls import Calls
from services.scanner.domain.detail import (
    CertificateDetail,
    CertificatePolicy,
    KeyDetail,
    Operation,
    RotationPolicy,
    Version,
)
from services.scanner.domain.inventory import ItemKind, VaultRef
from shared.clouds import CloudClient, CloudSession, SingleFlightCredential, pages, wire
from shared.clouds.client import get, unexpected
from shared.clouds.errors import NotFoundError

_COLLECTIONS: Final[Mapping[ItemKind, str]] = {
    ItemKind.SECRET: "secrets",
    ItemKind.KEY: "keys",
    ItemKind.CERTIFICATE: "certificates",
}


class KeyVaultDetails:
    """Implements `ports.DetailReader`. `gate` names the gate that requests to a vault pass."""

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

    @asynccontextmanager
    async def open(self, vault: VaultRef) -> AsyncIterator["OneVault"]:
        opened = open_vault(self._session, self._credential, vault, self._calls, self._gate(vault))
        async with opened as client:
            yield OneVault(client, vault)


class OneVault:
    """Implements `ports.VaultDetails` on one connection."""

    def __init__(self, client: CloudClient, vault: VaultRef) -> None:
        self._client = client
        self._vault = vault

    async def versions(self, kind: ItemKind, name: str) -> list[Version]:
        path = f"{_COLLECTIONS[kind]}/{name}/versions"
        what = f"the versions of {kind} {name} in vault {self._vault.name}"
        first = first_page(self._vault, path)
        return [
            _version(row, kind, path, what)
            async for page in pages(self._client, first, what)
            for row in page
        ]

    async def key(self, name: str) -> KeyDetail:
        what = f"the public half of key {name} in vault {self._vault.name}"
        return bundles.key_detail(await self._read(f"keys/{name}", what), what)

    async def rotation_policy(self, name: str) -> RotationPolicy:
        what = f"the rotation policy of key {name} in vault {self._vault.name}"
        return bundles.rotation_policy(await self._read(f"keys/{name}/rotationpolicy", what), what)

    async def certificate(self, name: str) -> tuple[CertificateDetail | None, CertificatePolicy]:
        what = f"certificate {name} in vault {self._vault.name}"
        bundle = await self._read(f"certificates/{name}", what)
        return bundles.certificate_detail(bundle, what), bundles.certificate_policy(bundle, what)

    async def operation(self, name: str) -> Operation | None:
        """Key Vault answers 404 (PendingCertificateNotFound) where there is none."""
        what = f"the pending operation of certificate {name} in vault {self._vault.name}"
        try:
            return bundles.operation(await self._read(f"certificates/{name}/pending", what), what)
        except NotFoundError:
            return None

    async def _read(self, path: str, what: str) -> wire.Row:
        address = f"{self._vault.uri.rstrip('/')}/{path}"
        return await self._client.read(get(address, **{"api-version": API}), what)


def _version(row: wire.Row, kind: ItemKind, path: str, what: str) -> Version:
    attributes = wire.part(row, "attributes", what)
    identifier = wire.text(row, "kid" if kind is ItemKind.KEY else "id", what)
    _, found, version_id = identifier.partition(f"/{path.removesuffix('versions')}")
    if not found or not version_id or "/" in version_id:
        raise unexpected(what, "an id does not name a version of it")
    enabled = wire.optional(attributes, "enabled", bool, what)
    return Version(
        id=version_id,
        enabled=True if enabled is None else enabled,
        created_on=wire.unix_instant(attributes, "created", what),
        updated_on=wire.unix_instant(attributes, "updated", what),
        not_before=wire.unix_instant(attributes, "nbf", what),
        expires_on=wire.unix_instant(attributes, "exp", what),
    )
