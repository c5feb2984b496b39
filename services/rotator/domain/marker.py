"""What the outside world carries of a rotation, so that a crash leaves nothing unknown.

A new credential's display name is its marker, `cc:<rotation>:<attempt>`, where <rotation> is the
rotation's id in Crockford's base 32 without padding (26 characters). A version in a vault carries
tags.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self
from uuid import UUID

PREFIX: Final = "cc:"
ROTATION: Final = "cc-rotation"
ATTEMPT: Final = "cc-attempt"
KEY_ID: Final = "cc-key-id"
ROLLBACK_OF: Final = "cc-rollback-of"
OWN_TAGS: Final = frozenset({ROTATION, ATTEMPT, KEY_ID, ROLLBACK_OF})
_DIGITS: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_LENGTH: Final = 26


@dataclass(frozen=True, slots=True)
class Marker:
    """Names one attempt of one rotation."""

    rotation_id: UUID
    attempt: int

    def __str__(self) -> str:
        return f"{PREFIX}{short(self.rotation_id)}:{self.attempt}"

    @classmethod
    def parse(cls, text: str | None) -> Self | None:
        """Return the marker that a display name is, or None for any other name."""
        prefix, _, rest = (text or "").partition(":")
        rotation, _, attempt = rest.partition(":")
        rotation_id = _long(rotation)
        whole = attempt.isascii() and attempt.isdecimal()
        if f"{prefix}:" != PREFIX or rotation_id is None or not whole:
            return None
        marker = cls(rotation_id, int(attempt))
        return marker if str(marker) == text else None


def short(rotation_id: UUID) -> str:
    """Return an id as 26 characters."""
    number, text = rotation_id.int, ""
    for _ in range(_LENGTH):
        number, digit = divmod(number, len(_DIGITS))
        text = _DIGITS[digit] + text
    return text


def _long(text: str) -> UUID | None:
    if len(text) != _LENGTH or not set(text) <= set(_DIGITS):
        return None
    number = 0
    for digit in text:
        number = number * len(_DIGITS) + _DIGITS.index(digit)
    return UUID(int=number) if number < 1 << 128 else None


def tags_of(
    marker: Marker, key_id: str, kept: Mapping[str, str], *, rollback: bool = False
) -> dict[str, str]:
    """Return the tags of a version: what its predecessor carried, and what is known of this one."""
    own = {ATTEMPT: str(marker.attempt), KEY_ID: key_id, ROTATION: str(marker.rotation_id)}
    if rollback:
        own = {KEY_ID: key_id, ROLLBACK_OF: str(marker.rotation_id)}
    return {name: value for name, value in kept.items() if name not in OWN_TAGS} | own
