"""REQUESTED, SCHEDULED and PREFLIGHT: what must be true before anything is changed. Reads only."""

from collections.abc import Sequence
from dataclasses import replace

from services.rotator.domain.rotation import Rotation, follow
from services.rotator.domain.state import Signal
from services.rotator.ports import Standing
from services.rotator.steps.places import Found, look_at_all
from services.rotator.steps.stopping import stop
from services.rotator.steps.turn import Turn


async def proceed(turn: Turn) -> None:
    """Go on: nothing is in the way."""
    await turn.signal(Signal.ADVANCE)


async def preflight(turn: Turn) -> None:
    """Look at the target and the places; go on only if every effect can succeed."""
    standing = await turn.driver.look(turn.rotation.target)
    if standing.refusal:
        await stop(turn, standing.refusal)
        return
    found = await look_at_all(turn)
    await turn.record(follow(_based(turn.rotation, standing, found), Signal.ADVANCE))


def _based(rotation: Rotation, standing: Standing, found: Sequence[Found]) -> Rotation:
    """Return the rotation with what its places hold, and a lifetime that the target accepts."""
    places = tuple(
        replace(each.place, base_version=each.newest.id if each.newest else None) for each in found
    )
    longest = standing.longest
    lifetime = min(rotation.lifetime, longest) if longest is not None else rotation.lifetime
    return replace(rotation, places=places, lifetime=lifetime)
