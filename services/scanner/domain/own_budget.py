"""How fast the management API and Microsoft Graph may be asked by this process.

A share of what they grant, with the rules of the budget that replicas share for vaults (`budget`):
it shrinks by half when they ask to slow down and grows back in small steps of quiet time (additive
increase, multiplicative decrease).
"""

from dataclasses import dataclass, field
from math import floor
from typing import Final

from services.scanner.domain.budget import BURST_SECONDS, FLOOR, STEP

MANAGEMENT_RATE: Final = 6.25
MANAGEMENT_BURST_SECONDS: Final = 10.0
"""A quarter of what Azure Resource Manager grants to a principal in a subscription: 250 reads at
once, then 25 a second (Azure Resource Manager, "Understand how requests are throttled")."""

GRAPH_RATE: Final = 87.5
"""A quarter of the resource units a second that Graph grants to one application in a small tenant
(3,500 in 10 s; "Microsoft Graph service-specific throttling limits", identity and access)."""

KEY_LISTINGS_RATE: Final = 0.625
"""A quarter of the requests a second with which a tenant's applications may ask for the property
`keyCredentials` (150 a minute; "Get application")."""

KEY_LISTINGS_BURST: Final = 32.0

KEY_LISTINGS_STEP_SECONDS: Final = 6.0
"""These are counted by the minute, the resource units in 10 seconds. So the half of the rate that a
complaint takes is back after the time in which what it was about is still counted."""


@dataclass(slots=True)
class Budget:
    """A token bucket; times are seconds of any clock that only goes forward.

    What was left unused in the last `burst_seconds` may be used at once. The rate grows by a small
    share for every `step_seconds` without a complaint, however many places are taken meanwhile.
    """

    full_rate: float
    burst_seconds: float = BURST_SECONDS
    step_seconds: float = 1.0
    rate: float = field(init=False)
    _free_at: float = field(default=0.0, init=False)
    _holds_until: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        """Begin at the full rate. Raises `ValueError` for a rate that would never end."""
        if self.full_rate <= 0:
            raise ValueError("A scan needs a budget of more than 0 requests a second.")
        self.rate = self.full_rate

    def take(self, now: float, places: int = 1) -> float:
        """Take places in the queue and return the seconds to wait for the last of them.

        What was not used in the last moments may be used at once; older leftovers are lost.
        """
        self._grow(now)
        self._free_at = max(self._free_at, now - self.burst_seconds) + places / self.rate
        return max(0.0, self._free_at - now)

    def slow_down(self, now: float, pause: float = 0.0) -> None:
        """Azure asked for it: give no place for so many seconds, and half as many after that.

        The complaints of the same crowd, within the pause or the next step, halve it once.
        """
        self._grow(now)
        holds_until = now + pause
        if now >= self._holds_until:
            self.rate = max(self.full_rate * FLOOR, self.rate / 2)
            holds_until = now + max(pause, self.step_seconds)
        self._holds_until = max(self._holds_until, holds_until)
        self._free_at = max(self._free_at, now + pause)

    def _grow(self, now: float) -> None:
        """Take back what the quiet time since the last complaint allows."""
        steps = floor(max(0.0, now - self._holds_until) / self.step_seconds)
        self.rate = min(self.full_rate, self.rate + self.full_rate * STEP * steps)
        self._holds_until += steps * self.step_seconds
