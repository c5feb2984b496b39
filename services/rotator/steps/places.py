"""Reading what the places of a rotation hold."""

from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

from services.rotator.domain.rotation import Place
from services.rotator.domain.version import Holding, Version, holding, strangers
from services.rotator.ports import Made, Verdict
from services.rotator.steps.turn import Turn
from shared.clouds.errors import CloudError, UnavailableError
from shared.secret_value import SecretValue


class Found(NamedTuple):
    """What a place holds now, whose that is, and its value (None if the place is empty)."""

    place: Place
    newest: Version | None
    whose: Holding
    value: SecretValue | None

    @property
    def made(self) -> Made | None:
        """The credential that the place holds, if one of us wrote it."""
        if self.newest is None or self.value is None or self.newest.key_id is None:
            return None
        return Made(self.newest.key_id, self.value, self.newest.expires_on)


async def look_at(turn: Turn, place: Place) -> Found:
    """Return what one place holds."""
    current = await turn.vault.current(place)
    newest, value = current or (None, None)
    return Found(place, newest, holding(turn.rotation, place, newest), value)


async def look_at_all(turn: Turn) -> list[Found]:
    """Return what every place holds, in the places' order."""
    return [await look_at(turn, place) for place in turn.rotation.places]


def foreign(found: Sequence[Found]) -> str | None:
    """Return the sentence on a place whose newest version is somebody else's, or None."""
    return next((_sentence(each.place) for each in found if each.whose is Holding.FOREIGN), None)


async def conflict(turn: Turn, found: Sequence[Found]) -> str | None:
    """Return the sentence on a place that somebody else wrote, also when ours came after."""
    if sentence := foreign(found):
        return sentence
    for each in found:
        if strangers(turn.rotation, each.place, await turn.vault.versions(each.place)):
            return _sentence(each.place)
    return None


def _sentence(place: Place) -> str:
    return (
        f"Somebody else wrote “{place.name}” in {place.vault_url} since this rotation began."
        " Nothing was removed. Decide which version is right, then ask for a new rotation."
    )


async def works(turn: Turn, made: Made) -> bool:
    """Say whether a credential works. Raises `UnavailableError` when that stays unclear."""
    tested = await turn.driver.test(turn.rotation.target, made)
    if tested.verdict is Verdict.UNCLEAR:
        raise UnavailableError(
            f"Whether the credential works could not be seen ({tested.code or 'no code'}).",
            remedy="Look up the code in the cloud's documentation.",
        )
    return tested.verdict is Verdict.WORKS


async def published(turn: Turn) -> AsyncIterator[tuple[Place, Version]]:
    """Yield the versions that this rotation wrote, place by place, the latest first."""
    for place in turn.rotation.places:
        for version in reversed(await turn.vault.versions(place)):
            if version.is_of(turn.rotation.id):
                yield place, version


async def wrote_nothing(turn: Turn) -> bool:
    """Say whether this rotation certainly wrote no place; a vault that does not answer says no.

    A version that lost its tags on the way could be ours, so any newer one than the base counts.
    """
    try:
        async for _ in published(turn):
            return False
        found = await look_at_all(turn)
    except CloudError:
        return False
    return all(each.whose is Holding.BASE for each in found)
