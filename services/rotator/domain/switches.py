"""The kill switch: who paused what, and whether that holds a rotation before its next effect.

Pausing is always safe: until the old credential is removed both work, and a pause keeps it from
being removed. Whatever ends soon still raises alerts.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.rotator.domain.instants import written
from services.rotator.domain.rotation import Rotation
from shared.events.rotation import PauseScope

_ORDER: Final = tuple(PauseScope)
_WHAT: Final = {
    PauseScope.EVERYTHING: "all rotations",
    PauseScope.SUBSCRIPTION: "rotations in the subscription “{}”",
    PauseScope.CREDENTIAL: "the rotation of “{}”",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """A pause that holds. `key` is the id of what is paused (empty for all), `name` its name."""

    scope: PauseScope
    paused_by: str
    paused_at: datetime
    reason: str
    key: str = ""
    name: str = ""

    def __post_init__(self) -> None:
        """Refuse a pause of nothing in particular, and one of all that names something."""
        if (self.scope is PauseScope.EVERYTHING) == bool(self.key):
            raise ValueError("Name what is paused by its id, or pause everything and name nothing.")

    @property
    def what(self) -> str:
        """Return what is paused, for people."""
        return _WHAT[self.scope].format(self.name or self.key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A rotation: its credential, and the subscriptions of all vaults that it writes to.

    `subscription_ids` is None where they are not known; a pause of any subscription then holds it.
    """

    credential_id: str
    subscription_ids: frozenset[str] | None


def subject_of(rotation: Rotation) -> Subject:
    """Return what a pause of a rotation goes by."""
    references = (rotation.subject, *(place.reference for place in rotation.places))
    ids = (each.subscription_id for each in references)
    return Subject(
        credential_id=str(rotation.credential_id),
        subscription_ids=frozenset(each for each in ids if each),
    )


def holding(switches: Iterable[Switch], subject: Subject) -> tuple[Switch, ...]:
    """Return the pauses that hold a rotation, the widest first and of equals the oldest."""
    found = (switch for switch in switches if _holds(switch, subject))
    return tuple(sorted(found, key=lambda one: (_ORDER.index(one.scope), one.paused_at, one.key)))


def sentence(held: tuple[Switch, ...]) -> str | None:
    """Say who paused what, since when, why, and how it goes on; None where nothing holds."""
    if not held:
        return None
    first, others = held[0], held[1:]
    also = f"; {', '.join(one.what for one in others)} must be resumed too" if others else ""
    return (
        f"{first.paused_by} paused {first.what} on {written(first.paused_at)} ({first.reason})."
        f" It goes on when somebody resumes {first.what}{also}. Until then both credentials stay"
        " as they are, and what ends soon still raises alerts."
    )


def _holds(switch: Switch, subject: Subject) -> bool:
    if switch.scope is PauseScope.EVERYTHING:
        return True
    if switch.scope is PauseScope.CREDENTIAL:
        return _same(switch.key, {subject.credential_id})
    return subject.subscription_ids is None or _same(switch.key, subject.subscription_ids)


def _same(key: str, ids: Iterable[str]) -> bool:
    return key.casefold() in {one.casefold() for one in ids}
