"""Counting the requests that a scan really sent to its vaults, by kind of request."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field


@dataclass(slots=True)
class Calls:
    """Requests that were sent and not yet written down, by vault and kind; retries count.

    Two scans that read one vault at the same time share its counts.
    """

    _counts: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def note(self, vault: str, kind: str) -> None:
        """Count one request to a vault."""
        self._counts[vault][kind] += 1

    def total(self, vault: str) -> int:
        """Return how many requests to a vault are not written down yet."""
        return self._counts[vault].total()

    def take(self, vault: str) -> dict[str, int]:
        """Return a vault's counts and begin anew."""
        return dict(self._counts.pop(vault, {}))


@dataclass(slots=True)
class Allowance:
    """What is left of the requests that the second pass may send for one shard."""

    left: int

    def reserve(self, calls: int) -> bool:
        """Take so many requests; False, and nothing taken, when fewer are left."""
        if self.left < calls:
            return False
        self.left -= calls
        return True

    def settle(self, reserved: int, sent: int) -> None:
        """Correct a reservation by what was really sent: a long list has several pages."""
        self.left += reserved - sent
