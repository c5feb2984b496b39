"""When something recurs: five cron fields in a time zone, with Debian's rules for clock changes.

A run whose hour does not exist on the day that the clocks go forward comes right after the gap; one
whose hour exists twice comes once, unless it recurs by the hour or more often (Debian's cron).
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

FIELDS: Final = 5
SHORTEST: Final = len("* * * * *")
LONGEST: Final = 200
_SAMPLE: Final = datetime(2026, 1, 1, tzinfo=UTC)
_FORM: Final = (
    "write five fields: minute, hour, day of the month, month, day of the week, such as"
    " “0 */6 * * *” for every six hours"
)


class CronError(ValueError):
    """A recurrence that cannot be used; the message says why and what can."""


@dataclass(frozen=True, slots=True)
class Recurrence:
    """A cron expression in a time zone of the IANA database. Raises `CronError` for a wrong one."""

    expression: str
    time_zone: str = "UTC"

    def __post_init__(self) -> None:
        """Refuse what cannot be read, and what never comes."""
        _zone(self.time_zone)
        if len(self.expression) > LONGEST or len(self.expression.split()) != FIELDS:
            raise CronError(f"This is no cron expression: {_FORM}.")
        try:
            self.after(_SAMPLE)
        except (CronSimError, ValueError) as error:
            raise CronError(f"This is no cron expression ({error}): {_FORM}.") from None
        except StopIteration:
            raise CronError("This day never comes; choose another.") from None

    def after(self, moment: datetime) -> datetime:
        """Return the first time after `moment`, in UTC."""
        local = moment.astimezone(_zone(self.time_zone))
        return next(CronSim(self.expression, local)).astimezone(UTC)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        raise CronError(
            "This time zone is unknown; use a name of the IANA database, such as UTC or"
            " Europe/Berlin."
        ) from None
