"""Rotation policies and freezes as people ask for them: what is refused at once, with a sentence.

The rotator decides about all of it again when a request arrives; a refusal here spares people the
wait. A test holds both to the same bounds.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from shared.cron import CronError, Recurrence
from shared.selector import SelectorError, parse

LONGEST_NAME: Final = 100
LONGEST_LIFETIME_DAYS: Final = 730
SHORTEST_OVERLAP_SECONDS: Final = 3_600
LONGEST_OVERLAP_SECONDS: Final = 90 * 86_400
MOST_WINDOWS: Final = 20
SHORTEST_WINDOW_MINUTES: Final = 15
LONGEST_WINDOW_MINUTES: Final = 7 * 24 * 60
LONGEST_FREEZE: Final = timedelta(days=366)
LONGEST_REASON: Final = 200
_DAY: Final = timedelta(days=1)
_LONGEST_DEFAULT_LEAD: Final = 30 * _DAY
_JITTER: Final = 0.10


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """When a window opens, and for how long."""

    opens: str
    time_zone: str
    lasts_minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What somebody wants of a policy."""

    name: str
    selector: str
    priority: int
    rotate_before_days: int | None
    lifetime_days: int
    overlap_seconds: int
    windows: tuple[Opening, ...]
    requires_approval: bool
    enabled: bool


@dataclass(frozen=True, slots=True)
class Refusal:
    """Which field is wrong, and what to do."""

    field: str
    sentence: str


def refusal_of_terms(terms: Terms, *, floor: int) -> Refusal | None:
    """Return what cannot be meant; `floor` is the shortest overlap in seconds."""
    return _of_name(terms) or _of_selector(terms) or _of_spans(terms, floor) or _of_windows(terms)


def refusal_of_freeze(
    starts_at: datetime, ends_at: datetime, reason: str, now: datetime
) -> Refusal | None:
    """Return what cannot be meant, or would have no effect."""
    if ends_at <= starts_at:
        return Refusal("ends_at", "A freeze ends after it starts; swap the two times.")
    if ends_at <= now:
        return Refusal("ends_at", "It is over already; a freeze holds back what is to come.")
    if ends_at - starts_at > LONGEST_FREEZE:
        return Refusal(
            "ends_at",
            f"A freeze lasts {LONGEST_FREEZE.days} days at most, because credentials go on"
            " expiring; disable the policy or pause rotations instead.",
        )
    if not 0 < len(reason.strip()) <= LONGEST_REASON:
        return Refusal("reason", f"Say why, in 1 to {LONGEST_REASON} characters.")
    return None


def _of_name(terms: Terms) -> Refusal | None:
    if 0 < len(terms.name.strip()) <= LONGEST_NAME:
        return None
    return Refusal("name", f"Name the policy, in 1 to {LONGEST_NAME} characters.")


def _of_selector(terms: Terms) -> Refusal | None:
    try:
        if parse(terms.selector):
            return None
    except SelectorError as error:
        return Refusal("selector", str(error))
    return Refusal("selector", "Say which credentials are meant; “name:*” means all of them.")


def _of_spans(terms: Terms, floor: int) -> Refusal | None:
    lifetime, overlap = terms.lifetime_days * _DAY, timedelta(seconds=terms.overlap_seconds)
    least = max(floor, SHORTEST_OVERLAP_SECONDS)
    if not 1 <= terms.lifetime_days <= LONGEST_LIFETIME_DAYS:
        return Refusal("lifetime_days", f"The lifetime is 1 to {LONGEST_LIFETIME_DAYS} days.")
    if not least <= terms.overlap_seconds <= LONGEST_OVERLAP_SECONDS:
        return Refusal(
            "overlap_seconds",
            f"The overlap is {least} to {LONGEST_OVERLAP_SECONDS} seconds (at least one hour, and"
            " ROTATION_OVERLAP_FLOOR_SECONDS): whoever still holds the old credential needs time.",
        )
    lead = _lead(terms, lifetime)
    if lead > lifetime / 2:
        return Refusal(
            "rotate_before_days",
            "Credentials would be replaced in the first half of their life; rotate later, or let"
            " them live longer.",
        )
    if lead * (1 - _JITTER) < overlap:
        return Refusal(
            "rotate_before_days",
            "A credential would not outlive its overlap; rotate earlier, or shorten the overlap"
            f" (jitter takes {_JITTER:.0%} of the days before).",
        )
    return None


def _lead(terms: Terms, lifetime: timedelta) -> timedelta:
    if terms.rotate_before_days is None:
        return min(_LONGEST_DEFAULT_LEAD, lifetime / 3)
    return terms.rotate_before_days * _DAY


def _of_windows(terms: Terms) -> Refusal | None:
    if len(terms.windows) > MOST_WINDOWS:
        return Refusal("windows", f"A policy has {MOST_WINDOWS} windows at most; join some.")
    for number, window in enumerate(terms.windows):
        if not SHORTEST_WINDOW_MINUTES <= window.lasts_minutes <= LONGEST_WINDOW_MINUTES:
            return Refusal(
                f"windows/{number}/lasts_minutes",
                f"A window stays open for {SHORTEST_WINDOW_MINUTES} to {LONGEST_WINDOW_MINUTES}"
                " minutes; leave the windows out to allow every time.",
            )
        try:
            Recurrence(window.opens, window.time_zone)
        except CronError as error:
            return Refusal(f"windows/{number}/opens", str(error))
    return None
