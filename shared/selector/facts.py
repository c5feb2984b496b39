"""What a selector is asked about: the facts of one vault or item, as far as they are known."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import Enum, StrEnum


class Field(StrEnum):
    """What a term can be about."""

    SUB = "sub"
    VAULT = "vault"
    REGION = "region"
    SOURCE = "source"
    TAG = "tag"
    NAME = "name"
    KIND = "kind"
    STATUS = "status"
    OWNER = "owner"


class Verdict(Enum):
    """Whether a selector applies. `UNKNOWN`: a fact that decides is not known."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"

    def __invert__(self) -> "Verdict":
        """Return the opposite; the opposite of unknown is unknown."""
        return _OPPOSITES[self]


_OPPOSITES = {
    Verdict.YES: Verdict.NO,
    Verdict.NO: Verdict.YES,
    Verdict.UNKNOWN: Verdict.UNKNOWN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of one thing.

    A field that is missing in `known` is unknown. A field with no word is known to have none, as
    the Entra directory has no subscription. Several words name the same fact: a subscription's id
    and its name. `tags` is None while the tags are unknown; those of several things together are
    pairs, for one key may then have several values.
    """

    known: Mapping[Field, tuple[str, ...]] = field(default_factory=dict)
    tags: Mapping[str, str] | AbstractSet[tuple[str, str]] | None = None

    @property
    def tag_pairs(self) -> AbstractSet[tuple[str, str]] | None:
        """Return each tag's key and value, or None while they are unknown."""
        return self.tags.items() if isinstance(self.tags, Mapping) else self.tags
