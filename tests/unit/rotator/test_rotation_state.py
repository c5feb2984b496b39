"""Where a rotation can be and what can follow."""

from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.rotator.domain.state import (
    NEXT,
    ROLL_BACK_FROM,
    TERMINAL,
    IllegalSignalError,
    Signal,
    State,
    advance,
)

SIGNALS = st.lists(st.sampled_from(list(Signal)), max_size=40)


def walk(signals: list[Signal], start: State = State.REQUESTED) -> list[State]:
    """Return the states that a rotation passes; signals that cannot come are left out."""
    path = [start]
    for signal in signals:
        if signal in NEXT.get(path[-1], {}):
            path.append(advance(path[-1], signal))
    return path


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("signal", list(Signal))
def test_every_signal_in_every_state_leads_on_is_ignored_or_is_a_defect(
    state: State, signal: Signal
) -> None:
    if state in TERMINAL:
        assert advance(state, signal) is state
    elif signal in NEXT[state]:
        assert advance(state, signal) is NEXT[state][signal]
    else:
        with pytest.raises(IllegalSignalError, match=f"“{signal}” cannot follow from {state}"):
            advance(state, signal)


def test_a_rotation_ends_in_one_of_five_states() -> None:
    assert {
        State.COMPLETED,
        State.ABANDONED,
        State.CONFLICT,
        State.ROLLED_BACK,
        State.FAILED,
    } == TERMINAL


@pytest.mark.parametrize("state", sorted(NEXT))
def test_every_state_can_be_reached_and_left_for_an_end(state: State) -> None:
    assert state is State.REQUESTED or state in reachable(State.REQUESTED)
    assert reachable(state) & TERMINAL


def reachable(start: State) -> set[State]:
    seen: set[State] = set()
    ahead = deque([start])
    while ahead:
        for after in NEXT.get(ahead.popleft(), {}).values():
            if after not in seen:
                seen.add(after)
                ahead.append(after)
    return seen


@given(SIGNALS)
def test_the_old_credential_goes_only_after_the_new_one_was_proven_published_and_waited_for(
    signals: list[Signal],
) -> None:
    path = walk(signals)

    if State.RETIRING in path:
        before = path[: path.index(State.RETIRING)]
        assert {State.VERIFIED, State.PUBLISHED, State.SYNCING, State.OVERLAP} <= set(before)
        assert State.ROLLING_BACK not in before


@given(SIGNALS)
def test_once_the_old_credential_has_begun_to_go_nothing_leads_back_to_making_another(
    signals: list[Signal],
) -> None:
    path = walk(signals, State.RETIRING)

    assert not {State.CREATING, State.CREATED, State.VERIFIED} & set(path)


def test_the_old_credential_can_be_had_back_from_its_making_to_the_end_of_the_overlap() -> None:
    assert {
        State.CREATING,
        State.CREATED,
        State.VERIFIED,
        State.PUBLISHED,
        State.SYNCING,
        State.OVERLAP,
    } == ROLL_BACK_FROM
    assert {NEXT[state][Signal.ROLL_BACK] for state in ROLL_BACK_FROM} == {State.ROLLING_BACK}


@pytest.mark.parametrize("state", sorted(State))
def test_nothing_is_called_unchanged_once_a_place_holds_the_new_credential(state: State) -> None:
    written = {State.PUBLISHED, State.SYNCING, State.OVERLAP, State.RETIRING, State.SWEEPING}

    if state in written | {State.ROLLING_BACK}:
        assert State.ABANDONED not in NEXT[state].values()
