"""Instants and spans: sums that stay within the calendar, and how sentences write them."""

from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Final

HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
BEGINNING: Final = datetime(1, 1, 2, tzinfo=UTC)
END: Final = datetime(9999, 12, 30, tzinfo=UTC)
"""A day within the calendar's ends, so that no time zone leads out of it."""

_UNITS: Final = ((DAY, "day"), (HOUR, "hour"), (timedelta(minutes=1), "minute"))
_SECOND: Final = timedelta(seconds=1)
_DAYS_FROM: Final = 3 * DAY
_HALF: Final = 1 << 63


def earlier(moment: datetime, span: timedelta) -> datetime:
    """Return the instant `span` before another, or the calendar's beginning."""
    return moment - span if moment - BEGINNING >= span else BEGINNING


def later(moment: datetime, span: timedelta) -> datetime:
    """Return the instant `span` after another, or the calendar's end."""
    return moment + span if END - moment >= span else END


def written(moment: datetime) -> str:
    """Write an instant for people: `2026-11-23 12:00 UTC`."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def in_words(span: timedelta) -> str:
    """Write a span for people in its largest whole unit: `48 hours`, `90 days`, `20 seconds`.

    Up to three days are written in hours.
    """
    for unit, word in _UNITS:
        if span % unit == timedelta() and span >= (_DAYS_FROM if unit == DAY else unit):
            return _counted(span // unit, word)
    return _counted(span // _SECOND, "second")


def spread(name: str) -> float:
    """Return a number from -1 to 1 that is the same whenever and wherever it is asked for."""
    drawn = int.from_bytes(blake2b(name.encode(), digest_size=8).digest())
    return drawn / _HALF - 1


def _counted(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
