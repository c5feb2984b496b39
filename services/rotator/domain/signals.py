"""What speaks for a Key Vault secret holding an application's credential, and how strongly.

Only metadata is looked at: these types have no place for a value. Names are Microsoft Graph's
(resource passwordCredential) and Key Vault's (secret attributes and tags).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import product
from typing import Final, TypeAlias

from services.rotator.domain.names import similarity

Place: TypeAlias = tuple[str, str]
"""A vault's address and a secret's name, as Key Vault compares them: in small letters."""

SAME_END: Final = timedelta(seconds=120)
SAME_START: Final = timedelta(minutes=10)
OUR_APP: Final = "cc-app-id"
OUR_KEY: Final = "cc-key-id"
SAMPLE_KEY: Final = "credentialid"
SAMPLE_APP: Final = "provideraddress"
"""The tags of Azure's rotation samples (Key Vault tutorial “Automate the rotation of a secret”)."""


class Evidence(StrEnum):
    """What can speak for a match, the strongest first."""

    CONFIRMED = "confirmed"
    OWN_TAGS = "own_tags"
    SAMPLE_TAGS = "sample_tags"
    APP_ID_IN_TAG = "app_id_in_tag"
    SAME_CONSUMER = "same_consumer"
    SAME_END = "same_end"
    NAMES = "names"
    SAME_START = "same_start"


CAPS: Final[Mapping[Evidence, float]] = {
    Evidence.CONFIRMED: 1.0,
    Evidence.OWN_TAGS: 0.99,
    Evidence.SAMPLE_TAGS: 0.97,
    Evidence.APP_ID_IN_TAG: 0.90,
    Evidence.SAME_CONSUMER: 0.85,
    Evidence.SAME_END: 0.60,
    Evidence.NAMES: 0.55,
    Evidence.SAME_START: 0.35,
}
"""The most that each can weigh."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppCredential:
    """A password of an application. `object_id` is the registration's, `app_id` the client id."""

    object_id: str
    app_id: str
    key_id: str
    display_name: str | None
    app_name: str
    start: datetime | None
    end: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultSecret:
    """The newest version of a secret, as its listing shows it."""

    vault_uri: str
    name: str
    version: str
    tags: Mapping[str, str] = field(default_factory=dict)
    created_on: datetime | None = None
    expires_on: datetime | None = None
    enabled: bool = True

    @property
    def place(self) -> Place:
        """Return where it is, the same for every way to write it."""
        return place_of(self.vault_uri, self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer:
    """Something whose settings name applications (by client id) and secrets."""

    name: str
    app_ids: frozenset[str]
    secrets: frozenset[Place]

    def __post_init__(self) -> None:
        """Write the ids in small letters, as they are compared."""
        object.__setattr__(self, "app_ids", _lower(self.app_ids))


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What else is known: all applications' client ids, and all credentials' ids.

    `together` holds each client id and each secret that one consumer's settings name.
    """

    app_ids: frozenset[str] = frozenset()
    key_ids: frozenset[str] = frozenset()
    together: frozenset[tuple[str, Place]] = frozenset()

    def __post_init__(self) -> None:
        """Write the ids in small letters, as they are compared."""
        object.__setattr__(self, "app_ids", _lower(self.app_ids))
        object.__setattr__(self, "key_ids", _lower(self.key_ids))


@dataclass(frozen=True, slots=True)
class Signal:
    """One thing that speaks for a match. It weighs from 0 to its cap, whatever it was given."""

    evidence: Evidence
    weight: float

    def __post_init__(self) -> None:
        """Keep the weight within its bounds."""
        weight = min(max(self.weight, 0.0), CAPS[self.evidence])
        object.__setattr__(self, "weight", weight)


def place_of(vault_uri: str, name: str) -> Place:
    """Return a secret's place. Names of vaults and secrets do not tell capitals apart."""
    return vault_uri.rstrip("/").casefold(), name.casefold()


def together(consumers: Iterable[Consumer]) -> frozenset[tuple[str, Place]]:
    """Return each client id with each secret that one consumer's settings name."""
    return frozenset(
        pair for consumer in consumers for pair in product(consumer.app_ids, consumer.secrets)
    )


def heard(
    credential: AppCredential, secret: VaultSecret, around: Surroundings
) -> tuple[Signal, ...]:
    """Return what speaks for the match, the strongest first; a person's word is not in it."""
    found = {*_of_tags(credential, secret), *_of_times(credential, secret)}
    if (credential.app_id.casefold(), secret.place) in around.together:
        found.add(Evidence.SAME_CONSUMER)
    signals = [Signal(evidence, CAPS[evidence]) for evidence in found]
    if alike := _alike(credential, secret):
        signals.append(Signal(Evidence.NAMES, alike * CAPS[Evidence.NAMES]))
    return tuple(sorted(signals, key=lambda one: (-one.weight, one.evidence)))


def contradicted(credential: AppCredential, secret: VaultSecret, around: Surroundings) -> bool:
    """Say whether the secret's tags name another application, or another of its credentials.

    A tag that states the issuer decides alone. Any other tag contradicts when it holds another
    known application's client id and no tag holds this one's.
    """
    tags = _folded(secret)
    ids = {credential.app_id.casefold(), credential.object_id.casefold()}
    issuers = {tags[tag] for tag in (OUR_APP, SAMPLE_APP) if tag in tags}
    keys = {tags[tag] for tag in (OUR_KEY, SAMPLE_KEY) if tag in tags}
    others = (keys & around.key_ids) - {credential.key_id.casefold()}
    if issuers - ids or others:
        return True
    values = set(tags.values())
    return ids.isdisjoint(values) and not values.isdisjoint(around.app_ids)


def _of_tags(credential: AppCredential, secret: VaultSecret) -> Iterator[Evidence]:
    """Yield what tags say; no tag speaks twice."""
    tags = _folded(secret)
    app_id, key_id = credential.app_id.casefold(), credential.key_id.casefold()
    if tags.get(OUR_APP) == app_id and tags.get(OUR_KEY) == key_id:
        yield Evidence.OWN_TAGS
        del tags[OUR_APP]
    sample = (tags.get(SAMPLE_KEY), tags.get(SAMPLE_APP))
    if sample == (key_id, credential.object_id.casefold()):
        yield Evidence.SAMPLE_TAGS
    if app_id in tags.values():
        yield Evidence.APP_ID_IN_TAG


def _of_times(credential: AppCredential, secret: VaultSecret) -> Iterator[Evidence]:
    if _close(credential.end, secret.expires_on, SAME_END):
        yield Evidence.SAME_END
    if _close(credential.start, secret.created_on, SAME_START):
        yield Evidence.SAME_START


def _close(one: datetime | None, other: datetime | None, within: timedelta) -> bool:
    return one is not None and other is not None and abs(one - other) <= within


def _alike(credential: AppCredential, secret: VaultSecret) -> float:
    names = (credential.app_name, credential.display_name or "")
    return max(similarity(name, secret.name) for name in names)


def _folded(secret: VaultSecret) -> dict[str, str]:
    return {name.casefold(): value.strip().casefold() for name, value in secret.tags.items()}


def _lower(ids: frozenset[str]) -> frozenset[str]:
    return frozenset(one.casefold() for one in ids)
