"""Which Key Vault secrets hold an application's credential: scores, bands, and who decides.

The score is the chance that not every signal errs, `1 - prod(1 - weight)`, as if they were
independent. It only suggests: nothing is rotated unattended before a person confirmed the match.
One credential may be in many secrets (copies in several vaults); a secret holds one credential, so
two that fit it equally well are ambiguous until a person confirms one.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from math import prod
from typing import Final

from services.rotator.domain.candidates import pairs
from services.rotator.domain.signals import (
    AppCredential,
    Consumer,
    Evidence,
    Place,
    Signal,
    Surroundings,
    VaultSecret,
    contradicted,
    heard,
    place_of,
    together,
)

TIE: Final = 0.05
_DIGITS: Final = 6


class Band(StrEnum):
    """How a match is shown. Low ones are suggestions; hidden ones are not shown."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    HIDDEN = "hidden"


_FLOORS: Final = ((0.90, Band.HIGH), (0.60, Band.MEDIUM), (0.30, Band.LOW))
_SAYS: Final[Mapping[Evidence, str]] = {
    Evidence.CONFIRMED: "a person confirmed it",
    Evidence.OWN_TAGS: "a rotation of ours tagged it with this credential",
    Evidence.SAMPLE_TAGS: "its tags CredentialId and ProviderAddress name this credential",
    Evidence.APP_ID_IN_TAG: "a tag holds the application's client id",
    Evidence.SAME_CONSUMER: "one consumer's settings name both",
    Evidence.SAME_END: "both end at the same time",
    Evidence.NAMES: "the names are alike",
    Evidence.SAME_START: "both were made at the same time",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What a person decided about a match. A rotation carries it over to the new credential."""

    key_id: str
    vault_uri: str
    secret_name: str
    confirmed: bool
    by: str
    at: datetime

    @property
    def about(self) -> tuple[str, Place]:
        """Return the credential and the secret's place that it is about."""
        return self.key_id.casefold(), place_of(self.vault_uri, self.secret_name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A credential and a secret that could hold it. `rivals` are credentials that fit as well."""

    credential: AppCredential
    secret: VaultSecret
    score: float
    signals: tuple[Signal, ...]
    confirmed: bool = False
    contradicted: bool = False
    rivals: tuple[AppCredential, ...] = ()

    @property
    def band(self) -> Band:
        """Return how the match is shown."""
        return band_of(self.score)

    @property
    def ambiguous(self) -> bool:
        """Say whether another credential fits the secret as well."""
        return bool(self.rivals)

    @property
    def unattended(self) -> bool:
        """Say whether a policy may rotate it with nobody watching."""
        return refusal_to_run_unattended(self) is None

    @property
    def sentence(self) -> str:
        """Say what speaks for the match, for people."""
        return f"{self.band.capitalize()} ({self.score:.2f}): {_reasons(self)}."


def score(signals: Iterable[Signal]) -> float:
    """Return how likely a match is, from 0 (nothing speaks for it) to 1."""
    return round(1 - prod(1 - signal.weight for signal in signals), _DIGITS)


def band_of(value: float) -> Band:
    """Return the band that a score is in."""
    return next((band for floor, band in _FLOORS if value >= floor), Band.HIDDEN)


def judge(
    credential: AppCredential,
    secret: VaultSecret,
    around: Surroundings,
    ruling: Ruling | None = None,
) -> Match:
    """Judge one pair by itself; a person's word outweighs everything else."""
    signals = heard(credential, secret, around)
    against = contradicted(credential, secret, around)
    if ruling is not None and ruling.confirmed:
        signals = (Signal(Evidence.CONFIRMED, 1.0), *signals)
    elif ruling is not None or against:
        return Match(
            credential=credential, secret=secret, score=0.0, signals=signals, contradicted=against
        )
    return Match(
        credential=credential,
        secret=secret,
        score=score(signals),
        signals=signals,
        confirmed=ruling is not None,
        contradicted=against,
    )


def match(
    credentials: Sequence[AppCredential],
    secrets: Sequence[VaultSecret],
    *,
    consumers: Sequence[Consumer] = (),
    rulings: Sequence[Ruling] = (),
) -> tuple[Match, ...]:
    """Return the matches that are shown, the likeliest of each secret first.

    Of several rulings about the same pair the latest counts.
    """
    latest = {ruling.about: ruling for ruling in sorted(rulings, key=lambda one: one.at)}
    around = Surroundings(
        app_ids=frozenset(one.app_id for one in credentials),
        key_ids=frozenset(one.key_id for one in credentials),
        together=together(consumers),
    )
    by_place: dict[Place, list[Match]] = defaultdict(list)
    for credential, secret in pairs(credentials, secrets, consumers=consumers, ruled=latest):
        ruling = latest.get((credential.key_id.casefold(), secret.place))
        judged = judge(credential, secret, around, ruling)
        if judged.band is not Band.HIDDEN:
            by_place[secret.place].append(judged)
    return tuple(one for found in by_place.values() for one in _compared(found))


def refusal_to_run_unattended(found: Match) -> str | None:
    """Return why a policy does not rotate this by itself, as a sentence, or None."""
    where = f"“{found.secret.name}” in {found.secret.vault_uri}"
    if not found.confirmed:
        return f"Nobody confirmed yet that {where} holds this credential; confirm or reject it."
    if found.rivals:
        return (
            f"Another credential is confirmed for {where} too ({_named(found.rivals[0])}); reject"
            " the one that it does not hold."
        )
    if found.contradicted:
        return f"The tags of {where} name another credential; correct the tags or reject the match."
    if not found.secret.enabled:
        return f"{where} is disabled; enable it first, or leave it out of the policy."
    return None


def _compared(found: Sequence[Match]) -> list[Match]:
    """Return one secret's matches with their rivals, the likeliest first."""
    compared = [replace(one, rivals=_rivals(one, found)) for one in found]
    return sorted(compared, key=lambda one: (-one.score, one.credential.key_id))


def _rivals(one: Match, found: Iterable[Match]) -> tuple[AppCredential, ...]:
    """Return who fits as well; whoever was confirmed has only others that were for rivals."""
    return tuple(
        other.credential
        for other in found
        if other is not one
        and abs(other.score - one.score) <= TIE + 10**-_DIGITS
        and (other.confirmed or not one.confirmed)
    )


def _reasons(found: Match) -> str:
    parts = [_SAYS[signal.evidence] for signal in found.signals]
    if found.contradicted:
        parts.append("its tags name another credential")
    if found.rivals:
        parts.append(f"{_named(found.rivals[0])} fits as well")
    return "; ".join(parts) or "nothing speaks for it"


def _named(credential: AppCredential) -> str:
    return f"credential {credential.key_id} of “{credential.app_name}”"
