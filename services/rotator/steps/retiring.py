"""OVERLAP, RETIRING and SWEEPING: the old credential goes, and then what lost attempts left."""

from dataclasses import replace
from typing import Final

from services.rotator.domain import pace
from services.rotator.domain.retry import MOST_FAILURES
from services.rotator.domain.standing import Standing
from services.rotator.domain.state import Signal, State
from services.rotator.domain.version import Holding
from services.rotator.steps import slots
from services.rotator.steps.places import conflict, look_at_all, works
from services.rotator.steps.stopping import stop
from services.rotator.steps.turn import Turn

ABSENT: Final = 2
"""Times in a row that a list must not show what was removed: a list may be older than that."""


async def overlap(turn: Turn) -> None:
    """Wait until nobody can hold the old credential any more; then ask the gates."""
    if (left := await turn.until(turn.rotation)) > 0:
        await turn.record(turn.rotation, wait=left)
    elif await _open(turn):
        await turn.signal(Signal.ADVANCE)


async def retire(turn: Turn) -> None:
    """Remove the one old credential, by its id."""
    rotation = turn.rotation
    old = rotation.old_key_id
    standing = await turn.driver.look(rotation.target)
    if await slots.lost(turn):
        await turn.signal(Signal.REPAIR)
    elif old is None or old == rotation.new_key_id or old not in standing.key_ids:
        await _absent(turn)
    elif await _open(turn):
        await turn.fence()
        await turn.driver.remove(rotation.target, old)
        await _look_again(turn)


async def _open(turn: Turn) -> bool:
    """Say whether the old credential may be removed now; if not, write down why.

    Nobody else wrote a place, each place's newest version is ours, it works in this moment, every
    copy holds it, and the overlap is over.
    """
    found = await look_at_all(turn)
    if sentence := await conflict(turn, found):
        await turn.signal(Signal.CONFLICT, sentence)
    elif any(each.whose is not Holding.OURS for each in found) or await slots.lost(turn):
        await turn.signal(Signal.REPAIR)
    elif not all([each.made and await works(turn, each.made) for each in found]):
        await _blocked(turn, "What a place holds does not work at this moment.")
    elif missing := await turn.copies.missing(turn.rotation):
        await _blocked(turn, f"Copies are missing: {', '.join(missing[:3])}.")
    elif (left := await turn.until(turn.rotation)) > 0:
        await turn.record(turn.rotation, wait=left)
    else:
        return True
    return False


async def _blocked(turn: Turn, why: str) -> None:
    """Keep the old credential and look again later; a person has to look when it lasts."""
    rotation = turn.rotation
    if rotation.tries >= MOST_FAILURES:
        await stop(turn, f"The old credential was not removed. {why}")
        return
    after = replace(rotation, tries=rotation.tries + 1, reason=f"Both credentials stay. {why}")
    await turn.record(after, wait=pace.BLOCKED)


async def sweep(turn: Turn) -> None:
    """Remove what this rotation made and no place holds."""
    rotation = turn.rotation
    used = {each.newest.key_id for each in await look_at_all(turn) if each.newest}
    if rotation.state is State.SWEEPING:
        used.add(rotation.new_key_id)
    standing = await turn.driver.look(rotation.target)
    # What was rolled back goes too, also where nothing carries a marker.
    ours = {*leftovers(turn, standing), rotation.new_key_id}
    unused = {key_id for key_id in standing.key_ids if key_id in ours} - used
    if not unused:
        await _absent(turn)
        return
    for key_id in sorted(unused):
        await turn.fence()
        await turn.driver.remove(rotation.target, key_id)
    await _look_again(turn)


def leftovers(turn: Turn, standing: Standing) -> list[str]:
    """Return the ids of all credentials that carry this rotation's marker."""
    rotation_id = turn.rotation.id
    return [
        held.key_id
        for held in standing.credentials
        if held.marker is not None and held.marker.rotation_id == rotation_id
    ]


async def _absent(turn: Turn) -> None:
    rotation = turn.rotation
    if rotation.confirmations + 1 >= ABSENT:
        await turn.signal(Signal.ADVANCE)
        return
    after = replace(rotation, confirmations=rotation.confirmations + 1)
    await turn.record(after, wait=turn.between)


async def _look_again(turn: Turn) -> None:
    await turn.record(replace(turn.rotation, confirmations=0), wait=turn.between)
