"""Resources with keys: what stands in each slot, and a change that is under way.

"Account" is the word for all of them here: storage and database accounts, namespaces, caches.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

NO_TAGS: Final[Mapping[str, str]] = {}
Right = Literal["Listen", "Manage", "Send"]


class Key(NamedTuple):
    """A key and when it was made, in seconds since 1970."""

    value: str
    made: float

    def __repr__(self) -> str:
        return f"Key(made={self.made})"


@dataclass(slots=True, kw_only=True)
class KeyRing:
    """The keys of a resource by their slots, or of one of its authorization rules, with a name."""

    keys: dict[str, Key]
    name: str = ""
    rights: tuple[Right, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A key that was accepted and does not stand yet."""

    id: str
    ring: KeyRing
    slot: str
    value: str = field(repr=False)
    due: float


@dataclass(slots=True, kw_only=True)
class Account:
    """A resource with keys; its type as Resource Manager writes it.

    `rings` are by name in small letters; the resource's own keys have the empty one. `taken` marks
    that a request is changing it.
    """

    type: str
    name: str
    subscription_id: str
    resource_group: str
    location: str
    created: int
    sku: str
    kind: str = ""
    tags: Mapping[str, str] = field(default_factory=lambda: NO_TAGS)
    rings: dict[str, KeyRing] = field(default_factory=dict)
    change: Change | None = None
    taken: bool = False

    @property
    def resource_id(self) -> str:
        return (
            f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
            f"/providers/{self.type}/{self.name}"
        )

    def add_ring(self, ring: KeyRing) -> None:
        self.rings[ring.name.lower()] = ring

    def settle(self, now: float) -> None:
        """Let a change stand that is due."""
        if self.change is not None and self.change.due <= now:
            self.change.ring.keys[self.change.slot] = Key(self.change.value, self.change.due)
            self.change = None

    def values(self) -> Iterator[str]:
        """Yield the keys of the resource itself, as they stand."""
        yield from (key.value for key in self.rings[""].keys.values())


class Accounts(dict[tuple[str, str], Account]):
    """Accounts by their type and name in small letters."""

    def add(self, account: Account) -> Account:
        self[account.type.lower(), account.name.lower()] = account
        return account

    def find(self, type_name: str, name: str, now: float) -> Account | None:
        """Return an account as it stands at this instant."""
        found = self.get((type_name.lower(), name.lower()))
        if found is not None:
            found.settle(now)
        return found

    def of(self, subscription_id: str) -> Iterator[Account]:
        """Yield a subscription's accounts in the order of their types and names."""
        wanted = subscription_id.lower()
        for key in sorted(self):
            if self[key].subscription_id.lower() == wanted:
                yield self[key]
