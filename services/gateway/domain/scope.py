"""How much of the inventory somebody may see."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """These vaults, and all vaults of these subscriptions. None in its place means everything.

    Vaults are named by the inventory's ids; the Entra directory is one of them.
    """

    vault_ids: frozenset[int] = frozenset()
    subscription_ids: frozenset[str] = frozenset()

    def holds(self, vault_id: int, subscription_id: str | None) -> bool:
        """Say whether an item of this vault, in this subscription, may be seen."""
        return vault_id in self.vault_ids or subscription_id in self.subscription_ids
