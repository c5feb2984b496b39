"""Where a rotation can be, and what can follow: one total table.

The order is the product: a credential that works is removed only in RETIRING, which is reached
only through CREATED, VERIFIED, PUBLISHED and OVERLAP.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class State(StrEnum):
    """Where a rotation is."""

    REQUESTED = "requested"
    AWAITING_APPROVAL = "awaiting_approval"
    SCHEDULED = "scheduled"
    PREFLIGHT = "preflight"
    CREATING = "creating"  # a new credential is about to exist, or may exist already
    CREATED = "created"  # it exists; whether it works is being tested
    VERIFIED = "verified"  # it works, and is being written to its places
    PUBLISHED = "published"  # every place holds it
    SYNCING = "syncing"  # copies elsewhere are waited for
    OVERLAP = "overlap"  # both work until nobody can still hold the old one
    RETIRING = "retiring"  # the old one, and only it, is being removed
    SWEEPING = "sweeping"  # what lost attempts left behind is being removed
    ROLLING_BACK = "rolling_back"  # the places get the old one again
    COMPLETED = "completed"
    ABANDONED = "abandoned"  # nothing changed for anybody
    CONFLICT = "conflict"  # somebody else wrote a place; a person decides
    ROLLED_BACK = "rolled_back"
    FAILED = "failed"  # both credentials work; a person decides


class Signal(StrEnum):
    """What came of a step."""

    ADVANCE = "advance"  # the step is done
    HOLD = "hold"  # somebody has to allow it (again)
    ADOPT = "adopt"  # a credential of this rotation was found published, and works
    LOSE = "lose"  # the new credential's value is gone with the process that held it
    REPAIR = "repair"  # a place holds another attempt's credential
    REFUSE = "refuse"  # it cannot go on, and nothing changed for anybody
    FAIL = "fail"  # it cannot go on, and both credentials are alive
    CONFLICT = "conflict"  # somebody else wrote a place
    ROLL_BACK = "roll_back"  # a person wants the old one back
    WITHDRAW = "withdraw"  # a person no longer wants it


class IllegalSignalError(Exception):
    """A step reported what cannot come of it; a defect, so nothing is recorded."""

    def __init__(self, state: State, signal: Signal) -> None:
        super().__init__(f"“{signal}” cannot follow from {state}; please report this defect.")


_EARLY: Final = {Signal.REFUSE: State.ABANDONED, Signal.WITHDRAW: State.ABANDONED}
_MAKING: Final = {
    Signal.REFUSE: State.ABANDONED,
    Signal.FAIL: State.FAILED,
    Signal.CONFLICT: State.CONFLICT,
    Signal.ROLL_BACK: State.ROLLING_BACK,
}
_LIVE: Final = {
    Signal.FAIL: State.FAILED,
    Signal.CONFLICT: State.CONFLICT,
    Signal.ROLL_BACK: State.ROLLING_BACK,
}

NEXT: Final[Mapping[State, Mapping[Signal, State]]] = {
    State.REQUESTED: {
        Signal.ADVANCE: State.SCHEDULED,
        Signal.HOLD: State.AWAITING_APPROVAL,
        **_EARLY,
    },
    State.AWAITING_APPROVAL: {Signal.ADVANCE: State.SCHEDULED, **_EARLY},
    State.SCHEDULED: {Signal.ADVANCE: State.PREFLIGHT, **_EARLY},
    State.PREFLIGHT: {
        Signal.ADVANCE: State.CREATING,
        Signal.HOLD: State.AWAITING_APPROVAL,
        **_EARLY,
    },
    State.CREATING: {Signal.ADVANCE: State.CREATED, Signal.ADOPT: State.VERIFIED, **_MAKING},
    State.CREATED: {Signal.ADVANCE: State.VERIFIED, Signal.LOSE: State.CREATING, **_MAKING},
    State.VERIFIED: {Signal.ADVANCE: State.PUBLISHED, Signal.LOSE: State.CREATING, **_MAKING},
    State.PUBLISHED: {Signal.ADVANCE: State.SYNCING, **_LIVE},
    State.SYNCING: {Signal.ADVANCE: State.OVERLAP, **_LIVE},
    State.OVERLAP: {Signal.ADVANCE: State.RETIRING, Signal.REPAIR: State.PUBLISHED, **_LIVE},
    State.RETIRING: {
        Signal.ADVANCE: State.SWEEPING,
        Signal.REPAIR: State.PUBLISHED,
        Signal.FAIL: State.FAILED,
        Signal.CONFLICT: State.CONFLICT,
    },
    State.SWEEPING: {Signal.ADVANCE: State.COMPLETED, Signal.FAIL: State.FAILED},
    State.ROLLING_BACK: {
        Signal.ADVANCE: State.ROLLED_BACK,
        Signal.FAIL: State.FAILED,
        Signal.CONFLICT: State.CONFLICT,
    },
}
TERMINAL: Final = frozenset(State) - NEXT.keys()
"""Where a rotation stays."""

AT_REST: Final = TERMINAL | {State.AWAITING_APPROVAL}
"""Where nothing happens by itself."""

ROLL_BACK_FROM: Final = frozenset(s for s, after in NEXT.items() if Signal.ROLL_BACK in after)
"""While a rotation is in one of these the old credential can be had back; later ones only go on."""


def within_reach(wanted: Signal) -> frozenset[State]:
    """Return the states in which a person's wish can be heeded."""
    return frozenset(state for state, after in NEXT.items() if wanted in after)


def advance(state: State, signal: Signal) -> State:
    """Return the state that follows; a finished rotation ignores late signals.

    Raises `IllegalSignalError` for a signal that cannot come of the state's step.
    """
    if state in TERMINAL:
        return state
    if signal not in NEXT[state]:
        raise IllegalSignalError(state, signal)
    return NEXT[state][signal]
