"""Every request that the simulated services answered: who asked for what, and what came of it.

Nothing secret is kept: no header but the client's name, and no body.
"""

from collections import deque
from datetime import UTC, datetime
from typing import Final, NamedTuple

_KEPT: Final = 200_000


class Entry(NamedTuple):
    """One request. The status is 0 where no answer was sent; `fault` is the rule that applied.

    `at` is in seconds since 1970, because a request must cost little.
    """

    at: float
    method: str
    host: str
    path: str
    query: str
    object_id: str | None
    identity: str | None
    status: int
    user_agent: str
    fault: int | None


class AccessLog:
    """Keeps the latest requests in the order in which they were answered."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=_KEPT)

    def add(self, entry: Entry) -> None:
        self._entries.append(entry)

    def clear(self) -> None:
        self._entries.clear()

    def entries(self) -> list[dict[str, object]]:
        return [_document(entry) for entry in self._entries]


def _document(entry: Entry) -> dict[str, object]:
    return {**entry._asdict(), "at": datetime.fromtimestamp(entry.at, UTC).isoformat()}
