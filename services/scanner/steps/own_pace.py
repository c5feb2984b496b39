"""Waiting before requests to the management API and to Microsoft Graph, in this process alone."""

import asyncio
from dataclasses import dataclass, field
from typing import Final

from services.scanner.domain.own_budget import (
    GRAPH_RATE,
    KEY_LISTINGS_BURST,
    KEY_LISTINGS_RATE,
    KEY_LISTINGS_STEP_SECONDS,
    MANAGEMENT_BURST_SECONDS,
    MANAGEMENT_RATE,
    Budget,
)

# Longer nobody waits in line: a scan's plan may stand behind.
LONGEST_HOLD_SECONDS: Final = 60.0


@dataclass(slots=True)
class GraphPacing:
    """Two budgets for the tenant: resource units, and requests that ask for keys.

    Implements `shared.clouds.Gate` too, to hear when Graph asks to slow down.
    """

    units: Budget = field(default_factory=lambda: Budget(GRAPH_RATE))
    key_listings: Budget = field(
        default_factory=lambda: Budget(
            KEY_LISTINGS_RATE,
            burst_seconds=KEY_LISTINGS_BURST,
            step_seconds=KEY_LISTINGS_STEP_SECONDS,
        )
    )

    async def wait(self, units: int, keys: bool) -> None:  # noqa: FBT001 - a callback
        """Wait until a request of so many resource units may be sent to Graph."""
        now = asyncio.get_running_loop().time()
        wait = self.units.take(now, units)
        if keys:
            wait = max(wait, self.key_listings.take(now))
        if wait > 0:
            await asyncio.sleep(wait)

    async def take(self) -> None:
        """Wait for nothing: `wait` was awaited before the page, with its cost."""

    async def slow_down(self, seconds: float | None) -> None:
        """Ask Graph no more for so long, at most a minute, and more slowly then."""
        now = asyncio.get_running_loop().time()
        for budget in (self.units, self.key_listings):
            budget.slow_down(now, min(seconds or 0.0, LONGEST_HOLD_SECONDS))


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
        now = asyncio.get_running_loop().time()
        self.budget(subscription_id).slow_down(now, min(seconds, LONGEST_HOLD_SECONDS))

    def budget(self, subscription_id: str) -> Budget:
        """Return the budget of a subscription's management reads."""
        made = Budget(MANAGEMENT_RATE, burst_seconds=MANAGEMENT_BURST_SECONDS)
        return self._budgets.setdefault(subscription_id.lower(), made)
