"""Which rules on thresholds can be meant; the scanner, which stores them, asks for the same.

Bounds: a warning is longer than critical, which is at least one day; 90 and 30 days at most.
"""

from dataclasses import dataclass
from typing import Final

from shared.events.scanning import ThresholdScope

LONGEST_WARNING_DAYS: Final = 90
LONGEST_CRITICAL_DAYS: Final = 30
LARGEST_PERCENT: Final = 99
MOST_DIGITS: Final = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """What a rule sets, in days before the end and in percent of a short lifetime."""

    warning_days: int | None = None
    critical_days: int | None = None
    warning_percent: int | None = None
    critical_percent: int | None = None


def refuse_numbers(numbers: Numbers) -> str | None:
    """Return why these numbers make no rule, as a sentence; None if they do."""
    days = (numbers.warning_days, numbers.critical_days)
    percent = (numbers.warning_percent, numbers.critical_percent)
    if days == (None, None) and percent == (None, None):
        return "Set days, percentages or both; to take a rule back, delete it."
    return _refuse_days(*days) or _refuse_percent(*percent)


def _refuse_days(warning: int | None, critical: int | None) -> str | None:
    if warning is None and critical is None:
        return None
    if warning is None or critical is None:
        return "Set warning_days and critical_days together."
    if not LONGEST_WARNING_DAYS >= warning > critical >= 1 or critical > LONGEST_CRITICAL_DAYS:
        return (
            "warning_days must be greater than critical_days, which is at least 1; at most"
            f" {LONGEST_WARNING_DAYS} and {LONGEST_CRITICAL_DAYS}."
        )
    return None


def _refuse_percent(warning: int | None, critical: int | None) -> str | None:
    if warning is None and critical is None:
        return None
    if warning is None or critical is None:
        return "Set warning_percent and critical_percent together."
    if not LARGEST_PERCENT >= warning > critical >= 1:
        return (
            "warning_percent must be greater than critical_percent, both between 1 and"
            f" {LARGEST_PERCENT}."
        )
    return None


def refuse_name(scope: ThresholdScope, name: str) -> str | None:
    """Return why nothing in this scope can have this name, as a sentence; None if it can."""
    match scope:
        case ThresholdScope.GLOBAL:
            return "The global scope has no name; leave it out." if name else None
        case ThresholdScope.SUBSCRIPTION:
            return None if name else "Name the subscription by its id."
        case ThresholdScope.TAG:
            key, separator, _ = name.partition("=")
            return None if key and separator else "Name a tag as key=text."
        case _:
            number = name.isascii() and name.isdigit() and len(name) <= MOST_DIGITS
            return None if number else f"Name the {scope} by its id, a number."
