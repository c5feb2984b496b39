"""How long a new credential lives: longer than it is used, so that a missed rotation is no outage.

Its end is the interval in which it is used, the overlap in which it and its successor both work,
and a grace of at least 14 days and half the interval. The tenant may allow less (Microsoft Graph,
resource passwordCredentialConfiguration, `maxLifetime`): then the grace shrinks first.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from services.rotator.domain.instants import DAY, in_words, later
from services.rotator.domain.policy import Policy

SHORTEST_GRACE: Final = 14 * DAY
GRACE_SHARE: Final = 0.5
CLOCK_MARGIN: Final = timedelta(minutes=5)
"""Kept below the tenant's limit: Entra counts from its own clock, which may be behind ours."""


class LifetimeError(ValueError):
    """The tenant allows too short a lifetime for the policy; the message says what to change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetime:
    """How long a new credential lives; `capped` says so where the tenant's limit cut it."""

    length: timedelta
    capped: str | None = None


def lifetime_of(policy: Policy, overlap: timedelta, tenant_max: timedelta | None) -> Lifetime:
    """Return the lifetime of a new credential with this overlap, within the tenant's limit.

    Raises `LifetimeError` where the limit leaves less than the overlap and the longest lead: its
    successor would be due before its own overlap has passed, and rotations would never end.
    """
    wanted = policy.lifetime + overlap + grace_of(policy.lifetime)
    if tenant_max is None or wanted <= tenant_max - CLOCK_MARGIN:
        return Lifetime(length=wanted)
    allowed = tenant_max - CLOCK_MARGIN
    if allowed < overlap + policy.longest_lead:
        raise LifetimeError(
            f"The tenant lets a password live for {in_words(tenant_max)} at most, and the policy"
            f" “{policy.name}” needs more than {in_words(overlap + policy.longest_lead)}: its"
            f" overlap of {in_words(overlap)} and up to {in_words(policy.longest_lead)} before the"
            " end. Shorten those, or raise maxLifetime in the tenant's app management policy."
        )
    return Lifetime(
        length=allowed,
        capped=f"The tenant lets a password live for {in_words(tenant_max)} at most instead of the"
        f" {in_words(wanted)} that the policy “{policy.name}” asks for.",
    )


def grace_of(interval: timedelta) -> timedelta:
    """Return how long a credential outlives its use and its overlap."""
    return max(SHORTEST_GRACE, interval * GRACE_SHARE)


def ends_at(lifetime: Lifetime, now: datetime) -> datetime:
    """Return the new credential's end, in whole seconds (Graph's `endDateTime`)."""
    return later(now.replace(microsecond=0), lifetime.length)
