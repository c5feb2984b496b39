"""The sandbox's time: the machine's own, moved by an offset that a test sets."""

import time
from datetime import UTC, datetime
from typing import Final

_LATEST: Final = 253_402_300_799


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
    """Return the instant that ISO 8601 text with an offset names, in seconds since the epoch.

    None where it names none between 1970 and 9999.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    epoch = -1 if found.tzinfo is None else int(found.timestamp())
    return epoch if 0 <= epoch <= _LATEST else None
