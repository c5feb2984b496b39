"""What the scanner asks of the outside; `app.py` joins each port to what implements it.

The clouds' ports are implemented in `adapters/`. Their methods raise the errors of
`shared.clouds.errors` and return metadata only: no method could return a value.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from services.scanner.domain.diagnostics import DiagnosticSetting
from services.scanner.domain.grants import RoleAssignment, RoleDefinition
from services.scanner.domain.inventory import Item, Subscription, VaultRef
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

    def items(self, vault: VaultRef) -> AsyncIterator[list[Item]]:
        """Yield the vault's secrets, keys and certificates, page by page.

        A listing is complete when the iterator ends without an error; before that nothing may be
        concluded from an item's absence.
        """
        ...


class Directory(Protocol):
    """The tenant's Entra directory."""

    def credentials(self) -> AsyncIterator[list[Item]]:
        """Yield the applications' passwords and certificates, page by page.

        An item's name is the credential's display name, or its application's where it has none.
        """
        ...


class Outbox(Protocol):
    """Where events are put in the transaction of what they announce (`shared.bus.Bus`)."""

    async def emit(
        self, event: Event, *, connection: Connection, correlation_id: UUID | None = None
    ) -> UUID:
        """Put an event into the caller's transaction and return its id."""
        ...
