"""What the scanner asks of the outside; `app.py` joins each port to what implements it.

The clouds' ports are implemented in `adapters/`. Their methods raise the errors of
`shared.clouds.errors` and return metadata only: no method could return a value.
"""

from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple, Protocol
from uuid import UUID

from services.scanner.domain.budget import Grant
from services.scanner.domain.inventory import Item, Subscription, VaultRef
from shared.database import Connection
from shared.events import Event


class Estate(Protocol):
    """The control plane: which subscriptions and vaults exist."""

    async def subscriptions(self) -> list[Subscription]:
        """Return every subscription that the identity can see."""
        ...

    async def vaults(self, subscription_ids: Sequence[str]) -> list[VaultRef]:
        """Return the vaults of these subscriptions; no subscription means no vault."""
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


class Quota(NamedTuple):
    """What Azure counts requests by."""

    subscription_id: str
    region: str


class Ledger(Protocol):
    """Keeps the budget of each quota: how fast it may be used, and what is used of it."""

    async def reserve(self, quota: Quota, places: int) -> Grant:
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
