"""Before a slot is renewed, and after: whose key it is, as the target and the places say it now."""

from collections.abc import Mapping

from services.rotator.domain.rotation import Place
from services.rotator.domain.slots import endangered
from services.rotator.domain.standing import Standing
from services.rotator.domain.state import Signal
from services.rotator.domain.version import Holding
from services.rotator.ports import Driver
from services.rotator.steps.places import foreign, look_at_all
from services.rotator.steps.stopping import stop
from services.rotator.steps.turn import Turn
from shared.secret_value import SecretValue


async def identified(
    driver: Driver, target: str, values: Mapping[Place, SecretValue]
) -> dict[Place, str | None]:
    """Return the ids of the target's credentials whose values the places hold."""
    return {place: await driver.identify(target, value) for place, value in values.items()}


async def refused(turn: Turn, standing: Standing) -> bool:
    """End the rotation if renewing could end a key that somebody reads; say whether it ended.

    Asked right before: a rotation may have stood still, and somebody may have written a place.
    """
    if not standing.has_slots:
        return False
    found = await look_at_all(turn)
    if sentence := foreign(found):
        await turn.signal(Signal.CONFLICT, sentence)
        return True
    values = {
        each.place: each.value
        for each in found
        if each.whose is Holding.BASE and each.value is not None
    }
    holds = await identified(turn.driver, turn.rotation.target, values)
    if sentences := endangered(standing, turn.rotation.old_key_id, holds):
        await stop(turn, " ".join(sentences))
        return True
    return False


async def lost(turn: Turn) -> bool:
    """Say whether somebody renewed the slot whose key this rotation published.

    A worker that had been given up may have, or a person. Asked only of what can be read again.
    """
    if not turn.driver.capabilities.recoverable:
        return False
    standing = await turn.driver.look(turn.rotation.target)
    return turn.rotation.new_key_id not in standing.key_ids
