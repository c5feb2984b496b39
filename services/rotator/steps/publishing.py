"""VERIFIED, PUBLISHED and SYNCING: every place gets the new credential, and then the copies."""

from collections.abc import Sequence
from dataclasses import replace

from services.rotator.domain import pace
from services.rotator.domain.marker import tags_of
from services.rotator.domain.retry import MOST_FAILURES
from services.rotator.domain.rotation import with_place
from services.rotator.domain.slots import unknown
from services.rotator.domain.state import Signal
from services.rotator.domain.version import Holding, Version
from services.rotator.ports import Label, Made
from services.rotator.steps import slots
from services.rotator.steps.places import (
    Found,
    conflict,
    foreign,
    look_at,
    look_at_all,
    published,
    works,
)
from services.rotator.steps.stopping import stop
from services.rotator.steps.turn import Turn


async def publish(turn: Turn) -> None:
    """Write the new credential to every place that does not hold it yet."""
    made = turn.made
    if made is None or await slots.lost(turn):
        turn.drop()
        await turn.signal(Signal.LOSE)
        return
    for place in turn.rotation.places:
        found = await look_at(turn, place)
        if sentence := foreign([found]):
            await turn.signal(Signal.CONFLICT, sentence)
            return
        if found.whose is not Holding.OURS:
            await write(turn, found, made)
        else:
            await _noted(turn, found)
    await turn.signal(Signal.ADVANCE)


async def write(turn: Turn, found: Found, made: Made) -> None:
    """Write a credential to a place as its newest version, and note that."""
    await turn.fence(found.place)
    newest = found.newest
    label = Label(
        tags=tags_of(turn.rotation.marker, made.key_id, newest.tags if newest else {}),
        content_type=newest.content_type if newest else None,
    )
    await _note(turn, found, await turn.vault.publish(found.place, made, label))


async def _note(turn: Turn, found: Found, version: Version) -> None:
    place = replace(found.place, new_version=version.id)
    await turn.note(with_place(turn.rotation, place))


async def _noted(turn: Turn, found: Found) -> None:
    """Note a version of ours that a process wrote right before it died."""
    if found.newest is not None and found.place.new_version != found.newest.id:
        await _note(turn, found, found.newest)


async def check(turn: Turn) -> None:
    """Look at what was written: others, or a worker that was given up, may have written too."""
    found = await look_at_all(turn)
    if sentence := await conflict(turn, found):
        await turn.signal(Signal.CONFLICT, sentence)
    elif not all(each.whose is Holding.OURS for each in found):
        await _unite(turn, found)
    elif await slots.lost(turn):
        await _take_up(turn, found)
    else:
        for each in found:
            await _noted(turn, each)
        await turn.signal(Signal.ADVANCE)


async def _unite(turn: Turn, found: Sequence[Found]) -> None:
    """Let every place hold one and the same credential, which works.

    The recorded one if it does, since most already read it; else one that a place holds.
    """
    chosen = await _choose(turn, found)
    if chosen is None:
        await stop(turn, "No place holds a credential of this rotation that works.")
        return
    await turn.note(replace(turn.rotation, new_key_id=chosen.key_id))
    for each in found:
        if each.newest is None or each.newest.key_id != chosen.key_id:
            await write(turn, each, chosen)
        else:
            await _noted(turn, each)
    await turn.record(turn.rotation)


async def _choose(turn: Turn, found: Sequence[Found]) -> Made | None:
    recorded = await _recorded(turn)
    if recorded is not None and await works(turn, recorded):
        return recorded
    for each in found:
        if each.whose is Holding.OTHER_ATTEMPT and each.made and await works(turn, each.made):
            return each.made
    return None


async def _take_up(turn: Turn, found: Sequence[Found]) -> None:
    """Publish what stands in the slot now, since what the places hold stands there no longer."""
    rotation = turn.rotation
    made = await turn.driver.recover(rotation.target, rotation.before, rotation.old_key_id)
    if made is None or await _hold(turn, found, made):
        await stop(turn, unknown(rotation.new_key_id))
    elif await works(turn, made):
        await turn.note(replace(rotation, new_key_id=made.key_id))
        for each in found:
            await write(turn, each, made)
        await turn.record(turn.rotation)
    elif rotation.tries >= MOST_FAILURES:
        await stop(turn, "Somebody renewed the published key, and the renewed one does not work.")
    else:
        after = replace(rotation, tries=rotation.tries + 1)
        await turn.record(after, wait=turn.between)


async def _hold(turn: Turn, found: Sequence[Found], made: Made) -> bool:
    """Say whether a place holds this very key already, only by another name."""
    for each in found:
        if each.value is not None:
            held = await turn.driver.identify(turn.rotation.target, each.value)
            if held == made.key_id:
                return True
    return False


async def _recorded(turn: Turn) -> Made | None:
    """Return the recorded credential, from the version that it was written as."""
    async for place, version in published(turn):
        if version.key_id is not None and version.key_id == turn.rotation.new_key_id:
            value = await turn.vault.read(place, version)
            return Made(version.key_id, value, version.expires_on)
    return None


async def sync(turn: Turn) -> None:
    """Wait until every copy of the places holds the new credential too."""
    if missing := await turn.copies.missing(turn.rotation):
        await turn.record(replace(turn.rotation, reason=waiting(missing)), wait=pace.COPIES)
        return
    await turn.signal(Signal.ADVANCE)


def waiting(missing: Sequence[str]) -> str:
    """Return the sentence on copies that are waited for."""
    return f"Waiting for {len(missing)} copies: {', '.join(missing[:3])}."
