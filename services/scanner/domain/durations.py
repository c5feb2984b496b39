"""Days in a duration as Key Vault's rotation policies write it (ISO 8601, `P18M`, `P1Y2D`)."""

import re
from typing import Final

_DURATION: Final = re.compile(
    r"P(?:(\d{1,5})Y)?(?:(\d{1,5})M)?(?:(\d{1,5})W)?(?:(\d{1,5})D)?"
    r"(?:T(?:\d{1,9}H)?(?:\d{1,9}M)?(?:\d{1,9}(?:\.\d{1,9})?S)?)?"
)
_DAYS: Final = (365, 30, 7, 1)


def days_of(duration: str) -> int | None:
    """Return whole days, with a year as 365 and a month as 30; None for what is no duration."""
    found = _DURATION.fullmatch(duration)
    if found is None or duration.endswith(("P", "T")):
        return None
    given = zip(found.groups(default="0"), _DAYS, strict=True)
    return sum(int(number) * days for number, days in given)
