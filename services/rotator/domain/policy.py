"""A rotation policy: which credentials are replaced, how long before their end, and how.

The bounds keep a policy from working against itself. Rotated at the latest, a credential still
outlives the overlap, so no consumer is left with a dead one; rotated at the earliest, its
successor's turn comes only after that overlap.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from services.rotator.domain.instants import DAY, HOUR, earlier, in_words, later, spread
from services.rotator.domain.window import Window
from shared.selector import parse

SHORTEST_OVERLAP: Final = HOUR
LONGEST_OVERLAP: Final = 90 * DAY
DEFAULT_OVERLAP: Final = 48 * HOUR
"""Twice what App Service keeps a resolved reference for (“Use Key Vault references”: 24 hours)."""

SHORTEST_LIFETIME: Final = DAY
LONGEST_LIFETIME: Final = 730 * DAY
DEFAULT_LIFETIME: Final = 90 * DAY
LONGEST_DEFAULT_LEAD: Final = 30 * DAY
JITTER: Final = 0.10
"""The share of the lead by which a rotation comes earlier or later than it would."""

MOST_WINDOWS: Final = 20
MOST_CHARACTERS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What people decided about the credentials that `selector` means.

    A credential is used for `lifetime`, replaced `rotate_before` its end (30 days, or a third of
    the lifetime where that is less), and removed when `overlap` has passed. Of several policies the
    one with the lowest `priority` counts. Raises `ValueError` with a sentence (`SelectorError` for
    the selector).
    """

    id: UUID
    name: str
    selector: str
    priority: int = 100
    rotate_before: timedelta | None = None
    lifetime: timedelta = DEFAULT_LIFETIME
    overlap: timedelta = DEFAULT_OVERLAP
    windows: tuple[Window, ...] = ()
    requires_approval: bool = False
    enabled: bool = True

    def __post_init__(self) -> None:
        """Refuse what is out of bounds or works against itself."""
        for refusal in (_of_names(self), _of_spans(self), _of_lead(self)):
            if refusal:
                raise ValueError(refusal)

    @property
    def lead(self) -> timedelta:
        """Return how long before its end a credential is replaced."""
        return self.rotate_before or min(LONGEST_DEFAULT_LEAD, self.lifetime / 3)

    @property
    def longest_lead(self) -> timedelta:
        """Return the lead of the credential that jitter brings forward the most."""
        return self.lead * (1 + JITTER)

    @property
    def shortest_lead(self) -> timedelta:
        """Return the lead of the credential that jitter puts off the most."""
        return self.lead * (1 - JITTER)


def end_of(
    policy: Policy, *, created_on: datetime | None, expires_on: datetime | None
) -> datetime | None:
    """Return when a credential ends: its own end, or its lifetime by the policy if that is sooner.

    None where neither its beginning nor its end is known.
    """
    by_policy = None if created_on is None else later(created_on, policy.lifetime)
    return min((end for end in (by_policy, expires_on) if end is not None), default=None)


def due_at(
    policy: Policy, *, credential_id: UUID, created_on: datetime | None, expires_on: datetime | None
) -> datetime | None:
    """Return when a credential's rotation is due, or None where its end is not known.

    Jitter depends on the credential and its end alone, so every replica finds the same instant.
    """
    end = end_of(policy, created_on=created_on, expires_on=expires_on)
    if end is None:
        return None
    share = JITTER * spread(f"{credential_id} {end.timestamp():.0f}")
    return earlier(end, policy.lead * (1 + share))


def _of_names(policy: Policy) -> str | None:
    if not 0 < len(policy.name.strip()) <= MOST_CHARACTERS:
        return f"Name the policy, in 1 to {MOST_CHARACTERS} characters."
    if not parse(policy.selector):
        return "Say which credentials are meant; “name:*” means all of them."
    if len(policy.windows) > MOST_WINDOWS:
        return f"A policy has {MOST_WINDOWS} windows at most; join some of them."
    return None


def _of_spans(policy: Policy) -> str | None:
    if not SHORTEST_LIFETIME <= policy.lifetime <= LONGEST_LIFETIME:
        return (
            f"The lifetime is {in_words(SHORTEST_LIFETIME)} to {in_words(LONGEST_LIFETIME)}, not"
            f" {in_words(policy.lifetime)}."
        )
    if not SHORTEST_OVERLAP <= policy.overlap <= LONGEST_OVERLAP:
        return (
            f"The overlap is {in_words(SHORTEST_OVERLAP)} to {in_words(LONGEST_OVERLAP)}, not"
            f" {in_words(policy.overlap)}; only an emergency has none."
        )
    return None


def _of_lead(policy: Policy) -> str | None:
    if policy.lead > policy.lifetime / 2:
        return (
            f"Rotating {in_words(policy.lead)} before the end would replace credentials in the"
            f" first half of their {in_words(policy.lifetime)}; rotate later or let them live"
            " longer."
        )
    if policy.shortest_lead < policy.overlap:
        return (
            f"Rotated {in_words(policy.lead)} before its end a credential would not outlive the"
            f" overlap of {in_words(policy.overlap)}; rotate earlier or shorten the overlap (jitter"
            f" takes {JITTER:.0%})."
        )
    return None
