"""Counting requests in a sliding window, as the real services' quotas do."""

from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from time import monotonic, time
from typing import Any, Final

_KEPT_SECONDS: Final = 3_600


class Window:
    """So many requests in so many seconds for each key; by the machine's time, never the moved."""

    def __init__(self, limit: int, seconds: float) -> None:
        self.limit = limit
        self.seconds = seconds
        self._seen: defaultdict[str, deque[float]] = defaultdict(deque)

    def take(self, key: str) -> bool:
        """Count a request; False means that it is one too many, and then it is not counted."""
        seen = self._fresh(key)
        if len(seen) >= self.limit:
            return False
        seen.append(monotonic())
        return True

    def clear(self) -> None:
        """Forget every request."""
        self._seen.clear()

    def left(self, key: str) -> int:
        return self.limit - len(self._fresh(key))

    def seconds_until_free(self, key: str) -> float:
        """Return how long it takes until the oldest request leaves the window."""
        seen = self._fresh(key)
        return max(0.0, seen[0] + self.seconds - monotonic()) if seen else 0.0

    def _fresh(self, key: str) -> deque[float]:
        seen, past = self._seen[key], monotonic() - self.seconds
        while seen and seen[0] <= past:
            seen.popleft()
        return seen


@dataclass(slots=True, kw_only=True)
class Quotas:
    """Key Vault's limits (a vault's, and of all in a subscription and region), and ARM's.

    What is refused does not count against them. Azure Key Vault service limits and throttling
    guidance: 4,000 transactions in 10 s for a vault, five times as many for a subscription. Azure
    Resource Manager throttling: for each principal and subscription a bucket of 250 reads and one
    of 200 writes, with 25 and 10 more in each second.
    """

    vault: Window = field(default_factory=lambda: Window(4_000, 10.0))
    subscription: Window = field(default_factory=lambda: Window(20_000, 10.0))
    arm_reads: Window = field(default_factory=lambda: Window(250, 10.0))
    arm_writes: Window = field(default_factory=lambda: Window(200, 20.0))
    _counts: defaultdict[tuple[str, str], Counter[tuple[int, bool]]] = field(
        default_factory=lambda: defaultdict(Counter)
    )

    def take(self, vault: str, subscription_id: str, region: str) -> bool:
        """Count a request to a vault; False when one of the two limits is reached."""
        place = f"{subscription_id}/{region}"
        free = self.subscription.left(place) > 0 and self.vault.take(vault)
        if free:
            self.subscription.take(place)
        self._counts[subscription_id, region][int(time()), free] += 1
        return free

    def clear(self) -> None:
        """Forget what was asked so far; the limits go on."""
        self._counts.clear()
        for window in (self.vault, self.subscription, self.arm_reads, self.arm_writes):
            window.clear()

    def counts(self) -> list[dict[str, Any]]:
        """Return the requests of each second (of the machine's time) that saw any."""
        oldest = int(time()) - _KEPT_SECONDS
        return [
            {
                "subscription_id": subscription_id,
                "region": region,
                "second": second,
                "served": seconds[second, True],
                "throttled": seconds[second, False],
            }
            for (subscription_id, region), seconds in self._counts.items()
            for second in sorted({each for each, _ in seconds if each >= oldest})
        ]
