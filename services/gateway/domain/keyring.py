"""Which data keys there are, what each is for, and how far a change of SECRET_KEY has come."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

FIRST: Final = 1


class Purpose(StrEnum):
    """What a data key is for; there is one key of each."""

    AUDIT = "audit"
    DATA = "data"
    FINGERPRINT = "fingerprint"
    SESSION = "session"


USES: Final[Mapping[Purpose, str]] = {
    Purpose.AUDIT: "signs the audit log's checkpoints (Ed25519)",
    Purpose.DATA: "encrypts the secrets of second factors",
    Purpose.FINGERPRINT: "finds API tokens, recovery codes and typed names by HMAC-SHA256",
    Purpose.SESSION: "encrypts the private halves of the keys that sign sessions",
}


class Wrapper(StrEnum):
    """The variable whose key wraps a data key."""

    PRESENT = "SECRET_KEY"
    PREVIOUS = "SECRET_KEY_PREVIOUS"


# The other two stay: exported checkpoints verify with the key that is derived from `audit`, and
# what `fingerprint` hashed could not be found by another key.
REPLACEABLE: Final = (Purpose.DATA, Purpose.SESSION)


@dataclass(frozen=True, slots=True, order=True)
class KeyName:
    """One data key: its purpose, and its version from 1."""

    purpose: str
    version: int = FIRST

    def __str__(self) -> str:
        return self.purpose if self.version == FIRST else f"{self.purpose}/{self.version}"


@dataclass(frozen=True, slots=True)
class Standing:
    """Who wraps which data key, as it was read."""

    wrappers: Mapping[KeyName, Wrapper]

    @property
    def waiting(self) -> Sequence[KeyName]:
        """Return what the previous key still wraps, in the order in which it is wrapped anew."""
        return sorted(name for name, by in self.wrappers.items() if by is Wrapper.PREVIOUS)

    @property
    def missing(self) -> Sequence[Purpose]:
        """Return the purposes that have no key yet."""
        return [purpose for purpose in Purpose if not self._versions(purpose)]

    @property
    def unfinished(self) -> Sequence[Purpose]:
        """Return the purposes that have an older key beside the newest: rows may still need it."""
        return [purpose for purpose in REPLACEABLE if len(self._versions(purpose)) > 1]

    def following(self, purpose: Purpose) -> KeyName:
        """Return the name of a purpose's next key."""
        return KeyName(purpose, max(self._versions(purpose), default=0) + 1)

    def _versions(self, purpose: Purpose) -> list[int]:
        return [name.version for name in self.wrappers if name.purpose == purpose]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated:
    """What a change of SECRET_KEY came to: how many keys there are, and how many it wrapped."""

    keys: int
    wrapped: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaced:
    """What replacing data keys came to: for which purposes, and how many rows were encrypted."""

    purposes: Sequence[Purpose]
    rows: int
