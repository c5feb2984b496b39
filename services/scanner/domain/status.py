"""How an item stands: one word, from its attributes, the time and two thresholds.

Thresholds become two instants of the item (`Windows`), so that everybody else, SQL included, only
compares instants with the time: expired `expires_on <= now`, critical `critical_at < now`, warning
`warning_at < now`.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from services.scanner.domain.inventory import Item, ItemKind

DAY: Final = timedelta(days=1)
# Not the calendar's very first moment: the database's driver takes that for minus infinity.
BEGINNING: Final = datetime(1, 1, 1, 0, 0, 1, tzinfo=UTC)
LATEST: Final = datetime.max.replace(tzinfo=UTC)
LONGEST_WARNING_DAYS: Final = 90
LONGEST_CRITICAL_DAYS: Final = 30
_CERTIFICATES: Final = (ItemKind.CERTIFICATE, ItemKind.APP_CERTIFICATE)


class Status(StrEnum):
    """An item's status; the first that applies, in this order."""

    DISABLED = "disabled"
    NOT_YET_ACTIVE = "not_yet_active"
    NO_EXPIRY = "no_expiry"
    EXPIRED = "expired"
    CRITICAL = "critical"
    WARNING = "warning"
    HEALTHY = "healthy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """When an item needs attention.

    A certificate that lives no longer than `short_lifetime_days` is judged by the percentage of its
    lifetime that is left: a 47-day certificate would otherwise always be a warning.

    The longest windows bound the range of expiries that a query for one status has to read.
    """

    warning_days: int = 30
    critical_days: int = 7
    warning_percent: int = 33
    critical_percent: int = 15
    short_lifetime_days: int = 60

    def __post_init__(self) -> None:
        """Refuse thresholds in the wrong order or out of bounds, with a sentence."""
        if not LONGEST_WARNING_DAYS >= self.warning_days > self.critical_days >= 1:
            raise ValueError(
                "The warning threshold must be longer than the critical one, which is at least 1"
                f" day; the warning may be {LONGEST_WARNING_DAYS} days at most."
            )
        if self.critical_days > LONGEST_CRITICAL_DAYS:
            raise ValueError(f"The critical threshold may be {LONGEST_CRITICAL_DAYS} days at most.")
        if not 100 > self.warning_percent > self.critical_percent >= 1:  # noqa: PLR2004 - percent
            raise ValueError(
                "The warning percentage must be greater than the critical one, and both between"
                " 1 and 99."
            )
        if not 0 <= self.short_lifetime_days <= LONGEST_WARNING_DAYS:
            raise ValueError(f"A short lifetime is between 0 and {LONGEST_WARNING_DAYS} days.")


DEFAULT: Final = Thresholds()


class Windows(msgspec.Struct, frozen=True):
    """After `warning_at` an item is a warning, after `critical_at` critical."""

    warning_at: datetime
    critical_at: datetime


def windows(item: Item, thresholds: Thresholds = DEFAULT) -> Windows | None:
    """Return the item's two instants, or None for an item that never expires."""
    if item.expires_on is None:
        return None
    lifetime = short_lifetime(item, thresholds)
    if lifetime is None:
        return Windows(
            before(item.expires_on, thresholds.warning_days * DAY),
            before(item.expires_on, thresholds.critical_days * DAY),
        )
    return Windows(
        item.expires_on - lifetime * thresholds.warning_percent // 100,
        item.expires_on - lifetime * thresholds.critical_percent // 100,
    )


def before(moment: datetime, span: timedelta) -> datetime:
    """Return the instant `span` before another; where the calendar ends, its beginning.

    Tools that mean "no date" write the first day of the calendar into a credential.
    """
    return moment - span if moment - BEGINNING >= span else min(moment, BEGINNING)


def short_lifetime(item: Item, thresholds: Thresholds = DEFAULT) -> timedelta | None:
    """Return the lifetime of a short-lived certificate (or its shadow); None for all else."""
    if not item.managed and item.kind not in _CERTIFICATES:
        return None
    starts_on = item.not_before or item.created_on
    if starts_on is None or item.expires_on is None:
        return None
    lifetime = item.expires_on - starts_on
    short = timedelta() < lifetime <= thresholds.short_lifetime_days * DAY
    return lifetime if short else None


def judge(item: Item, now: datetime, thresholds: Thresholds = DEFAULT) -> Status:
    """Return the item's status at `now`."""
    if not item.enabled:
        return Status.DISABLED
    if item.not_before is not None and item.not_before > now:
        return Status.NOT_YET_ACTIVE
    bounds = windows(item, thresholds)
    if item.expires_on is None or bounds is None:
        return Status.NO_EXPIRY
    if item.expires_on <= now:
        return Status.EXPIRED
    if bounds.critical_at < now:
        return Status.CRITICAL
    return Status.WARNING if bounds.warning_at < now else Status.HEALTHY


def days_left(expires_on: datetime, now: datetime) -> int:
    """Return the whole days until `expires_on`, rounded down: negative once it has passed."""
    return (expires_on - now) // DAY
