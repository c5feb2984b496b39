"""A bucket of requests that fills continuously: what is left, and when to come back."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """A bucket after one more request; `refused` says that there was no token for it."""

    tokens: float
    refused: bool
    capacity: int
    per_second: float

    @property
    def retry_after(self) -> int:
        """Return the whole seconds until there is a token again, at least one."""
        return max(1, math.ceil((1 - self.tokens) / self.per_second))

    @property
    def headers(self) -> dict[str, str]:
        """Return the RateLimit headers: the limit, what is left, seconds until it is full."""
        full_in = math.ceil((self.capacity - self.tokens) / self.per_second)
        return {
            "ratelimit-limit": str(self.capacity),
            "ratelimit-remaining": str(max(0, math.floor(self.tokens))),
            "ratelimit-reset": str(full_in),
        }
