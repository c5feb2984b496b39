"""A data plane's single reads, from dictionaries."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

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

MADE = datetime(2026, 1, 1, tzinfo=UTC)


def a_version(number: int = 1, **changes: object) -> Version:
    return replace(
        Version(id=f"{number:032x}", created_on=MADE.replace(day=number), updated_on=MADE),
        **changes,  # type: ignore[arg-type]
    )


def a_certificate(**changes: object) -> CertificateDetail:
    given = CertificateDetail(
        subject="CN=pay.example",
        issuer="CN=CA",
        issuer_common_name="CA",
        serial="ab",
        thumbprint="11" * 20,
        thumbprint_sha256="22" * 32,
        key_type="RSA",
        key_size=2048,
        curve=None,
        signature_algorithm="ecdsa_with_sha256",
        not_before=MADE,
        not_after=MADE.replace(year=2027),
        is_ca=False,
        self_signed=False,
    )
    return replace(given, **changes)  # type: ignore[arg-type]


@dataclass
class FakeDetails:
    """Answers alike for every item unless a test wrote something else down.

    `asked` names each request in order; `refuse` may raise instead of answering; `before` is
    awaited before each answer.
    """

    calls: Calls = field(default_factory=Calls)
    versions_of: dict[str, list[Version]] = field(default_factory=dict)
    keys: dict[str, KeyDetail] = field(default_factory=dict)
    rotations: dict[str, RotationPolicy] = field(default_factory=dict)
    certificates: dict[str, tuple[CertificateDetail | None, CertificatePolicy]] = field(
        default_factory=dict
    )
    operations: dict[str, Operation] = field(default_factory=dict)
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    refuse: Callable[[str, str, str], None] = lambda *_: None
    hold_at: int | None = None
    held: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def open(self, vault: VaultRef) -> AsyncIterator["FakeVault"]:
        yield FakeVault(self, vault)


@dataclass
class FakeVault:
    """One vault of them."""

    all: FakeDetails
    vault: VaultRef

    async def versions(self, kind: ItemKind, name: str) -> list[Version]:
        await self._ask("versions", f"{kind.value}s/{name}")
        return self.all.versions_of.get(f"{kind.value}s/{name}", [a_version()])

    async def key(self, name: str) -> KeyDetail:
        await self._ask("key", name)
        return self.all.keys.get(name, KeyDetail(key_type="RSA", size=2048))

    async def rotation_policy(self, name: str) -> RotationPolicy:
        await self._ask("rotation_policy", name)
        return self.all.rotations.get(name, RotationPolicy())

    async def certificate(self, name: str) -> tuple[CertificateDetail | None, CertificatePolicy]:
        await self._ask("certificate", name)
        return self.all.certificates.get(name, (a_certificate(), CertificatePolicy(issuer="Self")))

    async def operation(self, name: str) -> Operation | None:
        await self._ask("pending", name)
        return self.all.operations.get(name)

    async def _ask(self, question: str, name: str) -> None:
        await asyncio.sleep(0)
        if self.all.hold_at is not None and len(self.all.asked) >= self.all.hold_at:
            self.all.held.set()
            await asyncio.Event().wait()
        self.all.asked.append((self.vault.name, question, name))
        self.all.calls.note(self.vault.name, question)
        self.all.refuse(self.vault.name, question, name)
