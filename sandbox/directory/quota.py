"""Graph's quota of resource units for one application in one tenant.

"Microsoft Graph service-specific throttling limits", identity and access: 3,500 units in 10 seconds
for a small tenant, 5,000 for a medium one, 8,000 for a large one. `GET applications` costs 2, any
path that is not listed 1; `$select` takes 1 off, `$expand` adds 1, a `$top` below 20 takes 1 off,
and nothing costs less than 1. Asking for `keyCredentials` by `$select` counts against a limit of
its own: 150 requests a minute in the tenant ("Get application").
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from sandbox.throttle import Window

Size = Literal["S", "M", "L"]
UNITS: Final[Mapping[str, int]] = {"S": 3_500, "M": 5_000, "L": 8_000}
SECONDS: Final = 10.0
_KEY_REQUESTS: Final = 150
_FEW: Final = 20


@dataclass(slots=True)
class Quota:
    """Counts only once it is switched on. `units` may be set lower than any tenant's, for tests."""

    _units: Window | None = None
    _keys: Window = field(default_factory=lambda: Window(_KEY_REQUESTS, 60.0))

    def switch(self, size: Size | None, units: int | None) -> int | None:
        """Begin to count, by a tenant's size or a number of units; neither ends it."""
        limit = units or (UNITS[size] if size else None)
        self._units = Window(limit, SECONDS) if limit else None
        return limit

    def take(self, caller: str, path: str, query: Mapping[str, str]) -> float:
        """Count a request; return 0, or the seconds after which it may be tried again."""
        if self._units is None:
            return 0.0
        price = cost(path, query)
        if self._units.left(caller) < price:
            return max(1.0, self._units.seconds_until_free(caller))
        if "keyCredentials" in query.get("$select", "") and not self._keys.take("tenant"):
            return max(1.0, self._keys.seconds_until_free("tenant"))
        for _ in range(price):
            self._units.take(caller)
        return 0.0


def cost(path: str, query: Mapping[str, str]) -> int:
    """Return the resource units of a GET request."""
    price = 2 if path.strip("/").lower() == "v1.0/applications" else 1
    top = query.get("$top", "")
    price -= "$select" in query
    price += "$expand" in query
    price -= top.isdigit() and int(top) < _FEW
    return max(1, price)
