"""Durations as people type them: 30d, 12h, 2w."""

import re
from datetime import timedelta
from typing import Final

from shared.errors import PermanentError

_FORM: Final = re.compile(r"(\d{1,5})([hdw])")
_UNITS: Final = {"h": "hours", "d": "days", "w": "weeks"}


def parse_within(text: str) -> timedelta:
    """Return the duration; raises `PermanentError` with the accepted forms.

    >>> parse_within("2w")
    datetime.timedelta(days=14)
    """
    match = _FORM.fullmatch(text.strip().lower())
    if not match:
        raise PermanentError(f"“{text}” is no duration; write hours, days or weeks: 12h, 30d, 2w.")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})
