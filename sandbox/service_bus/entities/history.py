"""Duplicate detection (Service Bus documentation, "Duplicate detection")."""

from collections import OrderedDict

from sandbox.service_bus.codec import Value


class History:
    """The message ids of the last so many seconds, oldest first."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, float] = OrderedDict()

    def is_new(self, message_id: Value, now: float, window: float | None) -> bool:
        """Remember an id and say whether it is new; without a window or an id it always is."""
        if window is None or message_id is None:
            return True
        self._forget(now - window)
        key = str(message_id)
        if key in self._seen:
            return False
        self._seen[key] = now
        return True

    def _forget(self, until: float) -> None:
        while self._seen and next(iter(self._seen.values())) <= until:
            self._seen.popitem(last=False)
