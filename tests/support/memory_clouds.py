"""The scanner's ports in memory: what a test gives is what discovery finds."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from services.scanner.adapters import Clouds
from services.scanner.domain.inventory import Item, Subscription, VaultRef
from services.scanner.domain.listing import Entry, Page, digest
from shared.clouds.errors import CloudError, NotFoundError
from tests.support.details import FakeDetails
from tests.support.permissions import FakeProbes

PAGE = 25


@dataclass
class MemoryClouds:
    """An estate that a test writes down; `failures` are vaults by name that cannot be read."""

    listed: list[Subscription] = field(default_factory=list)
    refs: list[VaultRef] = field(default_factory=list)
    held: dict[str, list[Item]] = field(default_factory=dict)
    failures: dict[str, CloudError] = field(default_factory=dict)
    applications: list[Item] = field(default_factory=list)

    def clouds(self) -> Clouds:
        return Clouds(
            estate=self,
            vaults=self,
            details=FakeDetails(),
            directory=self,
            permissions=FakeProbes(),
        )

    async def subscriptions(self) -> list[Subscription]:
        return sorted(self.listed, key=lambda subscription: subscription.id)

    async def vaults(self, subscription_ids: Sequence[str]) -> list[VaultRef]:
        return [ref for ref in self.refs if ref.subscription_id in subscription_ids]

    async def items(self, vault: VaultRef) -> AsyncIterator[Page]:
        if failure := self.failures.get(vault.name):
            raise failure
        if vault.name not in self.held:
            raise NotFoundError(f"Azure does not know vault {vault.name}.", remedy="None.")
        async for page in _pages(self.held[vault.name]):
            yield page

    async def listing(self) -> AsyncIterator[Page]:
        async for page in _pages(self.applications):
            yield page


async def _pages(items: list[Item]) -> AsyncIterator[Page]:
    for start in range(0, max(len(items), 1), PAGE):
        yield Page(tuple(map(_entry, items[start : start + PAGE])))


def _entry(item: Item) -> Entry:
    """Take an item as it is, also one that nothing could write down."""
    said = repr(item).encode(errors="backslashreplace")
    return Entry(item.external_id, digest(said), said, lambda _, __: item)
