"""What a policy's selector can ask about a credential: its own facts and those of its places.

Words of several places stand side by side, so `vault:kv-prod-*` means a credential of which one
place is there, and `-tag:skip=true` only one of which no place says so. A place that the inventory
does not know leaves what it would say unknown, and in doubt nothing is rotated.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.events import CredentialRef, ItemKind
from shared.selector import Facts, Field


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A place as the inventory knows it; `tags` are the secret's, `vault_tags` its vault's."""

    name: str
    vault: str
    subscription: tuple[str, ...]
    region: str | None
    tags: Mapping[str, str]
    vault_tags: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A credential with what selectors can ask about it.

    `status` and `owners` (names of the application's) are None while they are not known, and so is
    a place that the inventory does not have.
    """

    subject: CredentialRef
    status: str | None
    owners: tuple[str, ...] | None
    places: Sequence[Kept | None]


_OF_AN_APPLICATION = frozenset({ItemKind.APP_SECRET, ItemKind.APP_CERTIFICATE})


def facts_of(described: Described) -> Facts:
    """Return the facts; what is not known is left out."""
    subject = described.subject
    source = "directory" if subject.kind in _OF_AN_APPLICATION else "vault"
    known: dict[Field, tuple[str, ...]] = {
        Field.KIND: (subject.kind.value,),
        Field.SOURCE: (source,),
    }
    if described.status is not None:
        known[Field.STATUS] = (described.status,)
    if described.owners is not None:
        known[Field.OWNER] = described.owners
    places = [place for place in described.places if place is not None]
    if len(places) < len(described.places):
        return Facts(known=known, tags=None)
    known |= {
        Field.NAME: (subject.name, subject.container, *(place.name for place in places)),
        Field.VAULT: tuple(place.vault for place in places),
        Field.SUB: tuple(word for place in places for word in place.subscription),
        Field.REGION: tuple(place.region for place in places if place.region),
    }
    both = [tags for place in places for tags in (place.tags, place.vault_tags)]
    return Facts(known=known, tags=frozenset(tag for tags in both for tag in tags.items()))
