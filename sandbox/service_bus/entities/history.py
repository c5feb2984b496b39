"""Duplicate detection (Service Bus documentation, "Duplicate detection")."""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Protocol

from sandbox.service_bus.codec import Value
from sandbox.service_bus.entities.keeping import Keeping


class Kept(Protocol):
    """What knows where changes are kept."""

    keeping: Keeping


class History:
    """The message ids of the last so many seconds, oldest first."""

    def __init__(self, path: str, surroundings: Kept) -> None:
        self._path = path
        self._surroundings = surroundings
        self._seen: OrderedDict[str, float] = OrderedDict()

    def restore(self, seen: Iterable[tuple[str, float]]) -> None:
        """Remember again what was kept."""
        self._seen.update(seen)

    def is_new(self, message_id: Value, now: float, window: float | None) -> bool:
        """Remember an id and say whether it is new; without a window or an id it always is."""
        if window is None or message_id is None:
            return True
        self._forget(now - window)
        key = str(message_id)
        if key in self._seen:
            return False
        self._seen[key] = now
        self._surroundings.keeping.saw(self._path, key, now)
        return True

    def _forget(self, until: float) -> None:
        before = len(self._seen)
        while self._seen and next(iter(self._seen.values())) <= until:
            self._seen.popitem(last=False)
        if len(self._seen) < before:
            self._surroundings.keeping.forget(self._path, until)
