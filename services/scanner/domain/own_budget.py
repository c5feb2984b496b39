"""How fast the management API and Microsoft Graph may be asked by this process.

A share of what they grant. It shrinks by half when they ask to slow down and grows back in small
steps (additive increase, multiplicative decrease). Vaults have a budget that replicas share
(`budget`).
"""

from dataclasses import dataclass
from typing import Final

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

_FLOOR: Final = 0.02
_STEP: Final = 0.05


@dataclass(slots=True)
class Budget:
    """A token bucket; times are seconds of any clock that only goes forward.

    What was left unused in the last `burst_seconds` may be used at once.
    """

    full_rate: float
    rate: float = 0.0
    burst_seconds: float = 0.2
    _free_at: float = 0.0

    def __post_init__(self) -> None:
        """Begin at the full rate. Raises `ValueError` for a rate that would never end."""
        if self.full_rate <= 0:
            raise ValueError("A scan needs a budget of more than 0 requests a second.")
        self.rate = self.full_rate

    def take(self, now: float) -> float:
        """Take a place in the queue and return the seconds to wait for it.

        What was not used in the last moments may be used at once; older leftovers are lost.
        """
        self._free_at = max(self._free_at, now - self.burst_seconds) + 1 / self.rate
        return max(0.0, self._free_at - now)

    def hold(self, now: float, seconds: float) -> None:
        """Give no place before so many seconds have passed: Azure asked for it."""
        self._free_at = max(self._free_at, now + seconds)

    def slow_down(self) -> None:
        """Halve the rate: Azure asked for it."""
        self.rate = max(self.full_rate * _FLOOR, self.rate / 2)

    def speed_up(self) -> None:
        """Grow back a little: a source was read without a complaint."""
        self.rate = min(self.full_rate, self.rate + self.full_rate * _STEP)
