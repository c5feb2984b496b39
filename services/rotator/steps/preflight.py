"""REQUESTED, SCHEDULED and PREFLIGHT: what will be done, and whether it may be. Reads only."""

from dataclasses import replace

from services.rotator.domain.approval import is_allowed
from services.rotator.domain.plan import Plan, make_plan
from services.rotator.domain.rotation import Rotation, follow
from services.rotator.domain.state import Signal
from services.rotator.ports import Driver, Vault
from services.rotator.steps.slots import identified
from services.rotator.steps.stopping import stop
from services.rotator.steps.turn import Turn


async def examine(rotation: Rotation, driver: Driver, vault: Vault) -> Plan:
    """Return the plan for what there is now. Raises what the ports raise."""
    standing = await driver.look(rotation.target)
    newest, values = {}, {}
    for place in rotation.places:
        found = await vault.current(place)
        newest[place] = found[0] if found else None
        if found is not None:
            values[place] = found[1]
    asked = values if standing.has_slots else {}
    holds = await identified(driver, rotation.target, asked)
    return make_plan(rotation, standing, newest, holds)


async def plan(turn: Turn) -> None:
    """Plan what was REQUESTED, and wait for somebody's approval where one is needed."""
    planned = await examine(turn.rotation, turn.driver, turn.vault)
    if planned.refusals:
        await stop(turn, " ".join(planned.refusals))
        return
    signal = Signal.HOLD if turn.rotation.approval_required else Signal.ADVANCE
    await turn.record(follow(_shown(planned), signal))


async def proceed(turn: Turn) -> None:
    """Go on from SCHEDULED: nothing is in the way any more."""
    await turn.signal(Signal.ADVANCE)


async def preflight(turn: Turn) -> None:
    """Plan again in PREFLIGHT; what changed since it was allowed has to be allowed again."""
    planned = await examine(turn.rotation, turn.driver, turn.vault)
    if planned.refusals:
        await stop(turn, " ".join(planned.refusals))
        return
    based = _shown(planned)
    if is_allowed(based, planned.digest):
        await turn.record(follow(based, Signal.ADVANCE))
    else:
        await turn.record(follow(based, Signal.HOLD, "What would be done has changed; look again."))


def _shown(planned: Plan) -> Rotation:
    return replace(planned.rotation, plan=planned.document(), plan_hash=planned.digest)
