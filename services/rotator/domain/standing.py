"""What a target has and accepts, and what a kind of credential allows."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.rotator.domain.marker import Marker


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a kind of credential allows; the saga asks here and never for a kind's name.

    `recoverable`: a value that was lost can be read again. `additive`: the new credential stands
    beside others, and any number of lost ones can be removed later by their markers; where it does
    not, making one ends another one that nobody is known to use. `tests_before_publishing`: a new
    credential can be proven before a place holds it.
    """

    recoverable: bool
    additive: bool
    tests_before_publishing: bool


@dataclass(frozen=True, slots=True)
class Held:
    """A credential as its target lists it: never with its value.

    `slot` is what stays when it is renewed, where a target has a fixed number of credentials.
    """

    key_id: str
    marker: Marker | None
    expires_on: datetime | None
    slot: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a target has at this moment, as far as its replicas tell.

    A new credential may be missing from it for a while, and a removed one may still be in it.
    `room` is how many more it can hold; `refusal` is a sentence on why it accepts none at all.
    `warnings` are sentences on what ends with what a rotation replaces.
    """

    credentials: tuple[Held, ...]
    room: int | None = None
    longest: timedelta | None = None
    refusal: str | None = None
    warnings: tuple[str, ...] = ()

    @property
    def key_ids(self) -> tuple[str, ...]:
        return tuple(each.key_id for each in self.credentials)

    @property
    def has_slots(self) -> bool:
        """Say whether a new credential takes the place of another one, and none ends by itself."""
        return any(each.slot is not None for each in self.credentials)

    def named(self, key_id: str | None) -> str | None:
        """Return the id that a credential has now: what stands in the slot that is named.

        Whoever confirmed it named a slot; and somebody may have renewed it by hand since.
        """
        if key_id is None or key_id in self.key_ids:
            return key_id
        wanted = slot_of(key_id)
        return next((each.key_id for each in self.credentials if each.slot == wanted), key_id)


def slot_of(key_id: str) -> str:
    """Return the slot that an id names, `<slot>` or `<slot>:<fingerprint of its value>`."""
    return key_id.partition(":")[0]
