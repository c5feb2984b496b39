"""The sandbox's time: the machine's own, moved by an offset that a test sets."""

import time
from datetime import UTC, datetime


class Clock:
    """Tells the time to everything that stamps, issues or expires."""

    def __init__(self) -> None:
        self.offset_seconds = 0.0

    def epoch(self) -> int:
        """Return the seconds since 1970, as Key Vault and Entra write time."""
        return int(self.time())

    def time(self) -> float:
        return time.time() + self.offset_seconds

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.time(), UTC)


def iso(epoch: int) -> str:
    """Return an instant as Microsoft Graph and Azure Resource Manager write it."""
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def epoch_of(text: str) -> int | None:
    """Return the instant that ISO 8601 text with an offset names; None where it is none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if found.tzinfo is None else int(found.timestamp())
