"""What the scanner asks of the outside; `app.py` joins each port to what implements it.

The clouds' ports are implemented in `adapters/`. Their methods raise the errors of
`shared.clouds.errors` and return metadata only: no method could return a value.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol
from uuid import UUID

from services.scanner.domain import budget
from services.scanner.domain.detail import (
    CertificateDetail,
    CertificatePolicy,
    KeyDetail,
    Operation,
    RotationPolicy,
    Version,
)
from services.scanner.domain.diagnostics import DiagnosticSetting
from services.scanner.domain.grants import RoleAssignment, RoleDefinition
from services.scanner.domain.inventory import ItemKind, Subscription, VaultRef
from services.scanner.domain.listing import Page
from services.scanner.domain.permission_facts import Assignment, Identity, PolicyEntry
from services.scanner.domain.permission_grants import Grant
from shared.clouds.errors import CloudError
from shared.database import Connection
from shared.events import Event


class Estate(Protocol):
    """The control plane: which subscriptions and vaults exist."""

    async def subscriptions(self) -> list[Subscription]:
        """Return every subscription that the identity can see."""
        ...

    async def vaults(self, subscription_ids: Sequence[str]) -> list[VaultRef]:
        """Return the vaults of these subscriptions; no subscription means no vault.

        Raises `PartlyListedError` with what was listed if some subscriptions could not be.
        """
        ...


class PartlyListedError(CloudError):
    """Some subscriptions' vaults could not be listed; an error, so that nobody overlooks it."""

    def __init__(self, vaults: Sequence[VaultRef], failures: Mapping[str, CloudError]) -> None:
        super().__init__(f"The vaults of {len(failures)} subscriptions could not be listed.")
        self.vaults = vaults
        self.failures = failures


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantListing:
    """Role assignments by subscription, inherited ones included, and the roles that they name.

    A subscription stands in `assignments` only with all of its assignments; in `failures` it could
    not be listed.
    """

    roles: tuple[RoleDefinition, ...] = ()
    assignments: Mapping[str, tuple[RoleAssignment, ...]] = field(default_factory=dict)
    failures: Mapping[str, CloudError] = field(default_factory=dict)


class Grants(Protocol):
    """The control plane: who may do what."""

    async def grants(self, subscription_ids: Sequence[str]) -> GrantListing:
        """Return the role assignments of these subscriptions."""
        ...


class Diagnostics(Protocol):
    """The control plane: where a vault's logs go."""

    async def settings(self, vault: VaultRef) -> tuple[DiagnosticSetting, ...]:
        """Return a vault's diagnostic settings, in the order of their names."""
        ...


class VaultReader(Protocol):
    """The data plane's lists of one vault."""

    def items(self, vault: VaultRef) -> AsyncIterator[Page]:
        """Yield the vault's secrets, keys and certificates, page by page.

        A listing is complete when the iterator ends without an error; before that nothing may be
        concluded from an item's absence.
        """
        ...


class VaultDetails(Protocol):
    """What one vault says of one item, by an item's name. Metadata and public halves only."""

    async def versions(self, kind: ItemKind, name: str) -> list[Version]:
        """Return every version of a secret, key or certificate."""
        ...

    async def key(self, name: str) -> KeyDetail:
        """Return a key's public half."""
        ...

    async def rotation_policy(self, name: str) -> RotationPolicy:
        """Return a key's rotation policy: Key Vault's own where nobody set one."""
        ...

    async def certificate(self, name: str) -> tuple[CertificateDetail | None, CertificatePolicy]:
        """Return a certificate, None where it was never completed, and its policy."""
        ...

    async def operation(self, name: str) -> Operation | None:
        """Return a certificate's pending operation, or None."""
        ...


class DetailReader(Protocol):
    """The data plane's single reads."""

    def open(self, vault: VaultRef) -> AbstractAsyncContextManager[VaultDetails]:
        """Open one connection to a vault, on which its items are asked for one by one."""
        ...


class Directory(Protocol):
    """The tenant's Entra directory."""

    def listing(self) -> AsyncIterator[Page]:
        """Yield applications and service principals with their credentials, page by page.

        An item's name is the credential's display name, or its application's where it has none. A
        listing is complete when the iterator ends without an error.
        """
        ...


class VaultWithPolicies(NamedTuple):
    """A vault and its access policies, which count where it does not use roles."""

    vault: VaultRef
    policies: tuple[PolicyEntry, ...]


class PermissionProbes(Protocol):
    """What the permission doctor tries: each call is real, changes nothing and reads no value."""

    async def identity(self) -> Identity:
        """Return whom this process's tokens name."""
        ...

    async def groups(self, object_id: str) -> frozenset[str]:
        """Return the ids, in lower case, of all groups of an application, nested ones too."""
        ...

    async def resource_graph(self, subscription_ids: Sequence[str]) -> list[VaultRef]:
        """Return the vaults that Resource Graph knows."""
        ...

    async def vaults(self, subscription_id: str) -> list[VaultWithPolicies]:
        """Return the vaults that the management API lists."""
        ...

    async def assignments(self, subscription_id: str, object_id: str) -> list[Assignment]:
        """Return the roles of an object and its groups at, above and below a subscription."""
        ...

    async def grants(self, vault: VaultRef) -> list[Grant]:
        """Return what the identity may do at a vault, role by role."""
        ...

    async def list_one(self, vault: VaultRef, kind: str) -> None:
        """List one item at most of a vault's `secrets`, `keys` or `certificates`."""
        ...

    async def list_application(self) -> None:
        """List one application at most of the tenant."""
        ...


class Quota(NamedTuple):
    """What Azure counts requests by."""

    subscription_id: str
    region: str


class Ledger(Protocol):
    """Keeps the budget of each quota: how fast it may be used, and what is used of it."""

    async def reserve(self, quota: Quota, places: int) -> budget.Grant:
        """Reserve places for requests, at most so many; `begins` counts from now on."""
        ...

    async def slow_down(self, quota: Quota, pause: float) -> None:
        """Note that Azure asked to slow down and to wait for so many seconds."""
        ...


class Outbox(Protocol):
    """Where events are put in the transaction of what they announce (`shared.bus.Bus`)."""

    async def emit(
        self, event: Event, *, connection: Connection, correlation_id: UUID | None = None
    ) -> UUID:
        """Put an event into the caller's transaction and return its id."""
        ...
