"""What a target has and accepts, and what a kind of credential allows."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.rotator.domain.marker import Marker


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a kind of credential allows; the saga asks here and never for a kind's name.

    `recoverable`: a value that was lost can be read again. `additive`: the new credential stands
    beside others, and any number of lost ones can be removed later by their markers.
    `tests_before_publishing`: a new credential can be proven before a place holds it.
    """

    recoverable: bool
    additive: bool
    tests_before_publishing: bool


@dataclass(frozen=True, slots=True)
class Held:
    """A credential as its target lists it: never with its value."""

    key_id: str
    marker: Marker | None
    expires_on: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a target has at this moment, as far as its replicas tell.

    A new credential may be missing from it for a while, and a removed one may still be in it.
    `room` is how many more it can hold; `refusal` is a sentence on why it accepts none at all.
    """

    credentials: tuple[Held, ...]
    room: int | None = None
    longest: timedelta | None = None
    refusal: str | None = None

    @property
    def key_ids(self) -> tuple[str, ...]:
        return tuple(each.key_id for each in self.credentials)
