"""What a place holds, as far as a rotation has to know it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from services.rotator.domain.marker import ATTEMPT, KEY_ID, ROLLBACK_OF, ROTATION
from services.rotator.domain.rotation import Place, Rotation


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of a secret without its value, as the vault lists it."""

    id: str
    created_on: datetime
    enabled: bool = True
    expires_on: datetime | None = None
    content_type: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def key_id(self) -> str | None:
        """The id of the credential whose value this is, if one of us wrote it."""
        return self.tags.get(KEY_ID)

    @property
    def attempt(self) -> int:
        """The attempt that wrote it; 0 if none did."""
        text = self.tags.get(ATTEMPT, "")
        return int(text) if text.isascii() and text.isdecimal() else 0

    def is_of(self, rotation_id: UUID) -> bool:
        """Say whether that rotation published it."""
        return self.tags.get(ROTATION) == str(rotation_id)

    def undoes(self, rotation_id: UUID) -> bool:
        """Say whether it gives back what that rotation had replaced."""
        return self.tags.get(ROLLBACK_OF) == str(rotation_id)


class Holding(StrEnum):
    """Whose version a place holds."""

    BASE = "base"
    OURS = "ours"
    OTHER_ATTEMPT = "other_attempt"
    REVERTED = "reverted"
    FOREIGN = "foreign"


def holding(rotation: Rotation, place: Place, newest: Version | None) -> Holding:
    """Return whose the newest version of a place is.

    OURS is the credential that the rotation recorded; a worker that had been given up may have
    written that of another attempt.
    """
    if newest is None or newest.id == place.base_version:
        return Holding.BASE if (newest and newest.id) == place.base_version else Holding.FOREIGN
    if newest.undoes(rotation.id):
        return Holding.REVERTED
    if not newest.is_of(rotation.id):
        return Holding.FOREIGN
    ours = newest.key_id == rotation.new_key_id
    return Holding.OURS if ours else Holding.OTHER_ATTEMPT


def strangers(rotation: Rotation, place: Place, versions: Sequence[Version]) -> list[Version]:
    """Return the versions that somebody else wrote since this rotation began, hidden ones too.

    A vault has no conditional write: between a look and a write anybody may write, and then theirs
    is no longer the newest. Times are to the second, so one of the base's own second is not seen.
    """
    base = next((each for each in versions if each.id == place.base_version), None)
    return [
        each
        for each in versions
        if each is not base
        and not each.is_of(rotation.id)
        and not each.undoes(rotation.id)
        and (base is None or each.created_on > base.created_on)
    ]
