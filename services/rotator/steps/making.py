"""CREATING and CREATED: a new credential beside the old one, and whether it works."""

from dataclasses import replace

from services.rotator.domain import pace
from services.rotator.domain.rotation import (
    CONFIRMATIONS,
    MAX_ATTEMPTS,
    follow,
    intend,
    unspent,
)
from services.rotator.domain.slots import unknown
from services.rotator.domain.state import Signal
from services.rotator.ports import UNAPPLIED, Made, Tested, Verdict
from services.rotator.steps import slots
from services.rotator.steps.places import published, works
from services.rotator.steps.stopping import stop
from services.rotator.steps.turn import HeldError, Turn, again
from shared.errors import TransientError


async def create(turn: Turn) -> None:
    """Make a credential, unless an attempt that went unrecorded left one that can be used."""
    if made := turn.made:
        await _created(turn, made)
    elif not (turn.rotation.attempt and await _found(turn)):
        await _make(turn)


async def _found(turn: Turn) -> bool:
    """Take up what an earlier attempt published, or what can be read again."""
    async for place, version in published(turn):
        if version.key_id is None:
            continue
        made = Made(version.key_id, await turn.vault.read(place, version), version.expires_on)
        if await works(turn, made):
            turn.hold(made)
            adopted = replace(turn.rotation, new_key_id=made.key_id)
            await turn.record(follow(adopted, Signal.ADOPT))
            return True
    return turn.driver.capabilities.recoverable and await _recovered(turn)


async def _recovered(turn: Turn) -> bool:
    """Take up what an attempt made and can be read again; stop where its like cannot be told."""
    rotation = turn.rotation
    standing = await turn.driver.look(rotation.target)
    if rotation.old_key_id not in standing.key_ids:
        await stop(turn, unknown(rotation.old_key_id))
        return True
    made = await turn.driver.recover(rotation.target, rotation.before, rotation.old_key_id)
    if made is None:
        return False
    turn.hold(made)
    await _created(turn, made)
    return True


async def _make(turn: Turn) -> None:
    rotation = turn.rotation
    if rotation.attempt >= MAX_ATTEMPTS:
        last = f" The last try ended so: {rotation.reason}" if rotation.reason else ""
        await stop(turn, f"{MAX_ATTEMPTS} attempts to make a new credential were lost.{last}")
        return
    standing = await turn.driver.look(rotation.target)
    if await slots.refused(turn, standing):
        return
    # The intent comes first: whatever happens from here on, what is made can be told apart.
    await turn.note(intend(rotation, standing.key_ids))
    try:
        await turn.fence()
    except HeldError:
        await turn.note(unspent(turn.rotation))
        raise
    rotation = turn.rotation
    try:
        made = await turn.driver.make(
            *(rotation.target, rotation.marker, rotation.lifetime),
            *(rotation.before, rotation.old_key_id),
        )
    except UNAPPLIED as error:
        await _not_made(turn, error)
        return
    turn.hold(made)
    await _created(turn, made)


async def _not_made(turn: Turn, error: TransientError) -> None:
    """Take the intent back: certainly nothing was made, so no attempt is spent."""
    await turn.note(unspent(turn.rotation))
    await again(turn, error, stop)


async def _created(turn: Turn, made: Made) -> None:
    await turn.record(follow(replace(turn.rotation, new_key_id=made.key_id), Signal.ADVANCE))


async def verify(turn: Turn) -> None:
    """Use the new credential for real; it counts when it works several times in a row."""
    made = turn.made
    if made is None:
        await turn.signal(Signal.LOSE)
        return
    tested = await turn.driver.test(turn.rotation.target, made)
    match tested.verdict:
        case Verdict.WORKS:
            await _confirmed(turn)
        case Verdict.NOT_YET:
            await _not_yet(turn, tested)
        case Verdict.UNCLEAR:
            await stop(turn, _unclear(tested))


async def _confirmed(turn: Turn) -> None:
    rotation = turn.rotation
    if rotation.confirmations + 1 >= CONFIRMATIONS:
        await turn.signal(Signal.ADVANCE)
        return
    after = replace(rotation, confirmations=rotation.confirmations + 1)
    await turn.record(after, wait=turn.between)


async def _not_yet(turn: Turn, tested: Tested) -> None:
    if await slots.lost(turn):  # it never will: what stands in the slot by now is read again
        turn.drop()
        await turn.signal(Signal.LOSE)
        return
    rotation = turn.rotation
    wait = pace.until_next_poll(rotation)
    if wait is None:
        await stop(
            turn,
            "The new credential did not work"
            f" within {len(pace.POLLS)} tests over {sum(pace.POLLS):.0f} s"
            f" ({tested.code or 'no code'}). The old one works on. Ask for the rotation again;"
            " if it ends like this again, look at the target's sign-in log.",
        )
        return
    await turn.record(replace(rotation, polls=rotation.polls + 1, confirmations=0), wait=wait)


def _unclear(tested: Tested) -> str:
    return (
        f"The new credential was refused with {tested.code or 'no code'}, which says nothing about"
        " the credential itself. The old one works on. Clear what the code names (a Conditional"
        " Access rule, a disabled application), then ask for the rotation again."
    )
