"""Waiting for the budget: before a page of a vault or the directory, and a management read."""

import asyncio
from dataclasses import dataclass, field
from typing import Final

from services.scanner.domain.budget import (
    DEFAULT_RATE,
    GRAPH_RATE,
    KEY_LISTINGS_BURST,
    KEY_LISTINGS_RATE,
    MANAGEMENT_BURST_SECONDS,
    MANAGEMENT_RATE,
    Budget,
)
from services.scanner.domain.inventory import VaultRef
from shared.events.scanning import VaultOutcome

# Longer nobody waits in line: a scan's plan may stand behind.
LONGEST_HOLD_SECONDS: Final = 60.0


@dataclass(slots=True)
class Pacing:
    """One budget for each subscription and region, shared by all vaults that are read there.

    Graph has two for the tenant: resource units, and requests that ask for keys.
    """

    rate: float = DEFAULT_RATE
    graph: Budget = field(default_factory=lambda: Budget(GRAPH_RATE))
    key_listings: Budget = field(
        default_factory=lambda: Budget(KEY_LISTINGS_RATE, burst_seconds=KEY_LISTINGS_BURST)
    )
    _budgets: dict[tuple[str, str], Budget] = field(default_factory=dict)

    async def wait(self, vault: VaultRef) -> None:
        """Wait until the next page of this vault may be asked for."""
        seconds = self.budget(vault).take(asyncio.get_running_loop().time())
        if seconds > 0:
            await asyncio.sleep(seconds)

    async def wait_for_graph(self, units: int, keys: bool) -> None:  # noqa: FBT001 - a callback
        """Wait until a request of so many resource units may be sent to Graph."""
        now = asyncio.get_running_loop().time()
        waits = [self.graph.take(now) for _ in range(units)]
        if keys:
            waits.append(self.key_listings.take(now))
        if max(waits) > 0:
            await asyncio.sleep(max(waits))

    def heed(self, vault: VaultRef | None, outcome: VaultOutcome) -> None:
        """Let the outcome of reading a vault, or the directory, change the pace."""
        budgets = [self.budget(vault)] if vault else [self.graph, self.key_listings]
        for budget in budgets:
            if outcome is VaultOutcome.THROTTLED:
                budget.slow_down()
            elif outcome is VaultOutcome.OK:
                budget.speed_up()

    def budget(self, vault: VaultRef) -> Budget:
        """Return the budget that this vault draws on."""
        key = (vault.subscription_id, vault.region)
        return self._budgets.setdefault(key, Budget(self.rate))


@dataclass(slots=True)
class ManagementPacing:
    """One budget of management reads for each subscription."""

    _budgets: dict[str, Budget] = field(default_factory=dict)

    async def wait(self, subscription_id: str) -> None:
        """Wait until the subscription may be asked for the next time."""
        seconds = self.budget(subscription_id).take(asyncio.get_running_loop().time())
        if seconds > 0:
            await asyncio.sleep(seconds)

    def hold(self, subscription_id: str, seconds: float) -> None:
        """Ask a subscription no more for so long, at most a minute, and more slowly then."""
        budget = self.budget(subscription_id)
        budget.slow_down()
        budget.hold(asyncio.get_running_loop().time(), min(seconds, LONGEST_HOLD_SECONDS))

    def budget(self, subscription_id: str) -> Budget:
        """Return the budget of a subscription's management reads."""
        made = Budget(MANAGEMENT_RATE, burst_seconds=MANAGEMENT_BURST_SECONDS)
        return self._budgets.setdefault(subscription_id.lower(), made)
