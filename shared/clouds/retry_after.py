"""How long a service asks us to wait (RFC 9110, 10.2.3, and Azure's forms in milliseconds)."""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from shared.clock import Clock, utc_now

LONGEST_SECONDS: Final = 3600.0
_LEFT: Final = "x-ms-user-quota-remaining"
_CLOCK: Final = re.compile(r"(\d{1,3}):(\d{1,2}):(\d{1,2}(?:\.\d+)?)")
_MILLISECONDS: Final = ("retry-after-ms", "x-ms-retry-after-ms")


def retry_after(headers: Mapping[str, str], clock: Clock = utc_now) -> float | None:
    """Return the wait in seconds, between 0 and an hour; None where nothing sensible is said.

    A date is measured against the service's own `Date`, so that a wrong clock here does no harm.
    """
    named = headers.get("retry-after")
    if named is not None and (seconds := _seconds(named)) is not None:
        return _limited(seconds)
    if named is not None and (moment := _moment(named)) is not None:
        return _limited((moment - answered_at(headers, clock)).total_seconds())
    for name in _MILLISECONDS:
        if (milliseconds := _seconds(headers.get(name, ""))) is not None:
            return _limited(milliseconds / 1000)
    return _resets_after(headers) if headers.get(_LEFT) == "0" else None


def quota_wait(headers: Mapping[str, str]) -> float:
    """Return the wait in seconds until Resource Graph answers again: 0 while quota is left.

    Source: Azure Resource Graph, "Guidance for throttled requests".
    """
    return (_resets_after(headers) or 0.0) if headers.get(_LEFT) == "0" else 0.0


def _resets_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds in `hh:mm:ss`; None where nothing sensible is said."""
    found = _CLOCK.fullmatch(headers.get("x-ms-user-quota-resets-after", ""))
    if found is None:
        return None
    hours, minutes, seconds = map(float, found.groups())
    return _limited(hours * 3600 + minutes * 60 + seconds)


def answered_at(headers: Mapping[str, str], clock: Clock = utc_now) -> datetime:
    """Return when the service answered, by its own clock if it tells."""
    return _moment(headers.get("date", "")) or clock()


def _seconds(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return None if math.isnan(number) else number


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _limited(seconds: float) -> float:
    return min(max(seconds, 0.0), LONGEST_SECONDS)
