"""ROLLING_BACK: the places get the old credential again; the new one goes when nobody holds it."""

from dataclasses import replace

from services.rotator.domain.marker import tags_of
from services.rotator.domain.rotation import with_place
from services.rotator.domain.state import Signal
from services.rotator.domain.version import Holding, Version
from services.rotator.ports import Label, Made
from services.rotator.steps import retiring
from services.rotator.steps.places import Found, foreign, look_at_all, works
from services.rotator.steps.stopping import stop
from services.rotator.steps.turn import Turn


async def roll_back(turn: Turn) -> None:
    """Give every place its former version's value back, wait the overlap, then sweep."""
    found = await look_at_all(turn)
    if sentence := foreign(found):
        await turn.signal(Signal.CONFLICT, sentence)
        return
    for each in found:
        if each.whose in {Holding.OURS, Holding.OTHER_ATTEMPT} and not await _revert(turn, each):
            return
    if (left := await turn.until(turn.rotation)) > 0:
        await turn.record(turn.rotation, wait=left)
        return
    await retiring.sweep(turn)


async def _revert(turn: Turn, found: Found) -> bool:
    """Write the former value as the newest version; False if the rotation ended instead."""
    old = await _old(turn, found)
    if old is None:
        await stop(
            turn,
            f"The former credential of “{found.place.name}” does not work any more, so it was not"
            " given back. The new one works on. Ask for an emergency rotation to go forward.",
        )
        return False
    await turn.fence(found.place)
    rotation, kept = turn.rotation, found.newest.tags if found.newest else {}
    label = Label(
        tags=tags_of(rotation.marker, old.key_id, kept, rollback=True),
        content_type=found.newest.content_type if found.newest else None,
    )
    version = await turn.vault.publish(found.place, old, label)
    reverted = replace(found.place, reverted_version=version.id)
    await turn.note(with_place(rotation, reverted))
    return True


async def _old(turn: Turn, found: Found) -> Made | None:
    """Return the credential that the place held before, if it works."""
    base = await _base(turn, found)
    key_id = turn.rotation.old_key_id
    if base is None or key_id is None:
        return None
    made = Made(key_id, await turn.vault.read(found.place, base), base.expires_on)
    return made if await works(turn, made) else None


async def _base(turn: Turn, found: Found) -> Version | None:
    versions = await turn.vault.versions(found.place)
    return next((each for each in versions if each.id == found.place.base_version), None)
