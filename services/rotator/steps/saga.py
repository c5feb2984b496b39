"""Which step belongs to which state: the saga as one table."""

from collections.abc import Mapping
from typing import Final

from services.rotator.domain.rotation import Rotation
from services.rotator.domain.state import State
from services.rotator.steps import making, preflight, publishing, retiring, rolling_back
from services.rotator.steps.stopping import stop
from services.rotator.steps.turn import Parts, Step, take

STEPS: Final[Mapping[State, Step]] = {
    State.REQUESTED: preflight.plan,
    State.SCHEDULED: preflight.proceed,
    State.PREFLIGHT: preflight.preflight,
    State.CREATING: making.create,
    State.CREATED: making.verify,
    State.VERIFIED: publishing.publish,
    State.PUBLISHED: publishing.check,
    State.SYNCING: publishing.sync,
    State.OVERLAP: retiring.overlap,
    State.RETIRING: retiring.retire,
    State.SWEEPING: retiring.sweep,
    State.ROLLING_BACK: rolling_back.roll_back,
}
"""Every state in which something is to be done; AWAITING_APPROVAL is left by a person."""


async def turn(parts: Parts) -> Rotation | None:
    """Take a rotation that is due as far as it goes without waiting; None if none was due."""
    return await take(parts, STEPS, stop)
