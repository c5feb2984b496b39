"""ROLLING_BACK: the places get the old credential again; the new one goes when nobody holds it."""

from dataclasses import replace

from services.rotator.domain import pace
from services.rotator.domain.marker import tags_of
from services.rotator.domain.rotation import Place, with_place
from services.rotator.domain.state import Signal
from services.rotator.domain.version import Holding, Version
from services.rotator.ports import Label, Made
from services.rotator.steps import retiring
from services.rotator.steps.places import Found, conflict, look_at_all, works
from services.rotator.steps.publishing import waiting
from services.rotator.steps.stopping import stop
from services.rotator.steps.turn import Turn


async def roll_back(turn: Turn) -> None:
    """Give every place its former version's value back, wait the overlap, then sweep."""
    found = await look_at_all(turn)
    if sentence := await conflict(turn, found):
        await turn.signal(Signal.CONFLICT, sentence)
        return
    for each in found:
        if not await _give_back(turn, each):
            return
    if turn.rotation.polls:
        await _copied(turn)
    elif (left := await turn.until(turn.rotation)) > 0:
        await turn.record(turn.rotation, wait=left)
    else:
        await retiring.sweep(turn)


async def _copied(turn: Turn) -> None:
    """Wait until no copy holds the new credential any more; only then the overlap begins.

    Before anything is removed the places are looked at again.
    """
    if missing := await turn.copies.missing(turn.rotation):
        after = replace(turn.rotation, polls=turn.rotation.polls + 1, reason=waiting(missing))
        await turn.record(after, wait=pace.COPIES)
    else:
        await turn.record(replace(turn.rotation, polls=0, not_before=None))


async def _give_back(turn: Turn, found: Found) -> bool:
    """See to it that a place holds the old credential; False if the rotation ended instead."""
    if found.whose in {Holding.OURS, Holding.OTHER_ATTEMPT}:
        return await _revert(turn, found)
    newest, place = found.newest, found.place
    if found.whose is Holding.REVERTED and newest and place.reverted_version != newest.id:
        await _note(turn, place, newest)
    return True


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
    kept = found.newest.tags if found.newest else {}
    label = Label(
        tags=tags_of(turn.rotation.marker, old.key_id, kept, rollback=True),
        content_type=found.newest.content_type if found.newest else None,
    )
    await _note(turn, found.place, await turn.vault.publish(found.place, old, label))
    return True


async def _note(turn: Turn, place: Place, version: Version) -> None:
    written = with_place(turn.rotation, replace(place, reverted_version=version.id))
    await turn.note(replace(written, polls=1))


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
