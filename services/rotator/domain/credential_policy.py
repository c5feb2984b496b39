"""What a tenant lets an application have: how many credentials, and which for how long.

Microsoft Graph, "passwordCredentialConfiguration resource type" and "appManagementPolicy resource
type"; Microsoft identity platform, "Validation differences by supported account types".
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

MOST_CREDENTIALS: Final = 1_000
"""About what an application's object has room for: its secrets and certificates together."""
MOST_PERSONAL_SECRETS: Final = 2
_PERSONAL: Final = frozenset({"AzureADandPersonalMicrosoftAccount", "PersonalMicrosoftAccount"})
_BLOCKED: Final = "passwordAddition"
_LIFETIME: Final = "passwordLifetime"
_DURATION: Final = re.compile(
    r"P(?=.)(?:(\d{1,3})Y)?(?:(\d{1,4})M)?(?:(\d{1,4})W)?(?:(\d{1,6})D)?"
    r"(?:T(?=.)(?:(\d{1,6})H)?(?:(\d{1,7})M)?(?:(\d{1,9})S)?)?"
)
# A month's and a year's shortest: what lasts no longer is accepted whichever is meant.
_UNITS: Final = tuple(
    timedelta(seconds=seconds)
    for seconds in (365 * 86_400, 28 * 86_400, 7 * 86_400, 86_400, 3_600, 60, 1)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Restriction:
    """One rule of a policy. It holds for applications that were made since `since`, or for all."""

    kind: str
    enabled: bool
    longest: timedelta | None = None
    since: datetime | None = None

    def holds_for(self, created_on: datetime | None) -> bool:
        """Say whether it holds for an application; for one of unknown age it does."""
        return self.enabled and (
            self.since is None or created_on is None or created_on >= self.since
        )


@dataclass(frozen=True, slots=True)
class Allowance:
    """The longest that a new client secret may last, and why none may be added at all."""

    longest: timedelta | None = None
    refusal: str | None = None


def allowance(restrictions: Iterable[Restriction], created_on: datetime | None) -> Allowance:
    """Return what rules leave to an application."""
    holding = [each for each in restrictions if each.holds_for(created_on)]
    spans = [each.longest for each in holding if each.kind == _LIFETIME and each.longest]
    blocked = any(each.kind == _BLOCKED for each in holding)
    return Allowance(
        longest=min(spans, default=None),
        refusal=(
            "An app management policy of this tenant lets this application have no new client"
            " secret. Ask for an exemption for it, or let it prove itself by a certificate or a"
            " federated credential."
        )
        if blocked
        else None,
    )


def room(audience: str | None, secrets: int, certificates: int) -> int:
    """Return how many more client secrets an application can have; `audience` is who signs in."""
    left = MOST_CREDENTIALS - secrets - certificates
    if audience in _PERSONAL:
        left = min(left, MOST_PERSONAL_SECRETS - secrets)
    return max(left, 0)


def span(text: str | None) -> timedelta | None:
    """Return a span in ISO 8601's form; None for another form."""
    found = _DURATION.fullmatch(text or "")
    if found is None:
        return None
    counts = zip(_UNITS, found.groups(), strict=True)
    return sum((unit * int(count) for unit, count in counts if count), timedelta())
