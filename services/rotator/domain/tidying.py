"""What the janitor may remove, and what it writes again: only what nobody accounts for."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from uuid import UUID

from services.rotator.domain.rotation import Place
from services.rotator.domain.standing import Held, Standing
from services.rotator.domain.version import Version


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounted:
    """A credential that is rotated: which one is in use, and where its value is kept.

    In `quarantine` a person has to look first, so nothing of it is touched.
    """

    key_id: str | None
    places: tuple[Place, ...]
    quarantine: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One look at one target. `ended` are rotations whose overlap is long over."""

    driver: str
    target: str
    epoch: int
    credentials: tuple[Accounted, ...]
    ended: frozenset[UUID]


def unaccounted(
    around: Round, standing: Standing, published: AbstractSet[str | None]
) -> list[Held]:
    """Return what a rotation that has ended left behind, and no place holds.

    A marker of a rotation that is not known here is another installation's.
    """
    in_use = {each.key_id for each in around.credentials} | published
    return [
        held
        for held in standing.credentials
        if held.marker is not None
        and held.marker.rotation_id in around.ended
        and held.key_id not in in_use
    ]


def is_late(credential: Accounted, newest: Version | None) -> bool:
    """Say whether a worker that had been given up wrote this version after everybody else.

    What a person or another program wrote carries no id of ours, and stays.
    """
    if newest is None or newest.key_id is None or credential.quarantine:
        return False
    return newest.key_id != credential.key_id
