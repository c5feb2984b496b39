"""What others are told of a rotation."""

from dataclasses import replace

import pytest

from services.rotator.domain.announce import announce
from services.rotator.domain.rotation import Rotation, follow, with_place
from services.rotator.domain.state import NEXT, Signal, State
from shared.events import RotationCompleted, RotationFailed, RotationPublished, RotationStep
from tests.support.saga.values import NOW, a_place, a_rotation

MOVES = [(state, signal) for state, after in NEXT.items() for signal in after]


def told(before: Rotation, after: Rotation) -> list[str]:
    return [type(event).__name__ for event in announce(before, after, NOW)]


def versions(before: Rotation, after: Rotation) -> list[str]:
    events = announce(before, after, NOW)
    return [event.version for event in events if isinstance(event, RotationPublished)]


@pytest.mark.parametrize(("state", "signal"), MOVES)
def test_each_move_is_told_once_and_an_end_says_how_it_ended(state: State, signal: Signal) -> None:
    before = a_rotation(state)
    after = follow(before, signal, "Because.")

    events = announce(before, after, NOW)

    steps = [event for event in events if isinstance(event, RotationStep)]
    assert [(step.previous_state, step.state) for step in steps] == [(state, after.state)]
    completed = [event for event in events if isinstance(event, RotationCompleted)]
    assert len(completed) == (after.state is State.COMPLETED)
    failed = [event for event in events if isinstance(event, RotationFailed)]
    stopped = after.state in {State.ABANDONED, State.CONFLICT, State.FAILED}
    assert [(event.state, event.reason) for event in failed] == [(state, "Because.")] * stopped


def test_a_rotation_that_stays_where_it_is_tells_nothing() -> None:
    waiting = a_rotation(State.SYNCING)

    assert told(waiting, replace(waiting, tries=1, reason="Waiting.")) == []


def test_an_end_without_a_reason_says_none() -> None:
    before = a_rotation(State.CREATING)
    (event,) = [
        event
        for event in announce(before, follow(before, Signal.FAIL), NOW)
        if isinstance(event, RotationFailed)
    ]

    assert event.reason == ""


def test_the_places_are_told_when_all_of_them_are_written() -> None:
    places = [a_place(0, new_version="v1"), a_place(1, new_version="v2"), a_place(2)]
    verified = a_rotation(State.VERIFIED, places=places, not_before=NOW)

    assert versions(verified, replace(verified, tries=1)) == []
    assert versions(verified, follow(verified, Signal.ADVANCE)) == ["v1", "v2"]


def test_a_place_that_is_written_again_is_told_again_and_alone() -> None:
    places = [a_place(0, new_version="v1"), a_place(1, new_version="v2")]
    published = a_rotation(State.PUBLISHED, places=places, not_before=NOW)

    assert versions(published, with_place(published, a_place(1, new_version="v3"))) == ["v3"]
    assert versions(published, follow(published, Signal.ADVANCE)) == []


def test_a_place_that_is_given_back_is_told() -> None:
    rolling = a_rotation(State.ROLLING_BACK, places=[a_place(new_version="v1")], not_before=NOW)
    back = a_place(new_version="v1", reverted_version="v2")

    assert versions(rolling, with_place(rolling, back)) == ["v2"]


def test_before_the_overlap_has_an_end_no_place_is_told() -> None:
    verified = a_rotation(State.VERIFIED, places=[a_place(new_version="v1")])

    assert versions(verified, follow(verified, Signal.ADVANCE)) == []
