"""Counting requests in a sliding window, as the real services' quotas do."""

from collections import defaultdict, deque
from time import monotonic


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
