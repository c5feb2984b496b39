"""Ending a rotation that cannot go on, with everything that works left alive."""

from services.rotator.domain.state import NEXT, Signal
from services.rotator.steps.places import wrote_nothing
from services.rotator.steps.turn import Turn


async def stop(turn: Turn, reason: str) -> None:
    """End in ABANDONED if certainly nothing changed for anybody, else in FAILED.

    Nothing is removed here: what lost attempts left behind goes in the late sweep.
    """
    after = NEXT[turn.rotation.state]
    early = Signal.FAIL not in after
    harmless = Signal.REFUSE in after and (early or await wrote_nothing(turn))
    await turn.signal(Signal.REFUSE if harmless else Signal.FAIL, reason)
