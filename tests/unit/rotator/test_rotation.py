"""A rotation as a value: what follows, what is wanted, when its overlap begins."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.rotator.domain.rotation import (
    Rotation,
    answer,
    follow,
    heed,
    intend,
    stamp,
    unspent,
    with_place,
)
from services.rotator.domain.state import (
    ROLL_BACK_FROM,
    TERMINAL,
    IllegalSignalError,
    Signal,
    State,
)
from tests.support.saga.values import NOW, a_place, a_rotation

EARLY = (State.REQUESTED, State.AWAITING_APPROVAL, State.SCHEDULED, State.PREFLIGHT)
END = NOW + timedelta(hours=48)


def test_a_new_state_begins_with_new_counters_and_without_the_reason_of_a_wait() -> None:
    waiting = a_rotation(
        State.SYNCING, tries=3, polls=2, confirmations=1, reason="Waiting for 2 copies."
    )

    after = follow(waiting, Signal.ADVANCE)

    assert (after.state, after.tries, after.polls, after.confirmations) == (State.OVERLAP, 0, 0, 0)
    assert after.reason is None
    assert follow(waiting, Signal.FAIL, "It broke.").reason == "It broke."


@pytest.mark.parametrize("state", sorted(TERMINAL))
def test_a_finished_rotation_stays_as_it_is(state: State) -> None:
    finished = a_rotation(state, tries=3, reason="It broke.")

    assert finished.is_over
    assert follow(finished, Signal.ADVANCE, "late") is finished
    assert heed(replace(finished, wanted=Signal.ROLL_BACK)) is None


def test_what_cannot_follow_is_a_defect() -> None:
    with pytest.raises(IllegalSignalError):
        follow(a_rotation(State.OVERLAP), Signal.LOSE)


@pytest.mark.parametrize("state", sorted(ROLL_BACK_FROM))
def test_who_wants_the_old_one_back_in_time_gets_it(state: State) -> None:
    after = heed(a_rotation(state, wanted=Signal.ROLL_BACK))

    assert after is not None
    assert (after.state, after.wanted) == (State.ROLLING_BACK, None)
    assert after.reason == "Somebody asked for the old credential back."


@pytest.mark.parametrize("state", EARLY)
def test_who_withdraws_it_before_anything_is_made_stops_it(state: State) -> None:
    after = heed(a_rotation(state, wanted=Signal.WITHDRAW))

    assert after is not None
    assert (after.state, after.reason) == (State.ABANDONED, "Somebody withdrew it.")


@pytest.mark.parametrize(
    ("state", "wanted"),
    [
        (State.RETIRING, Signal.ROLL_BACK),
        (State.SWEEPING, Signal.ROLL_BACK),
        (State.PREFLIGHT, Signal.ROLL_BACK),
        (State.CREATING, Signal.WITHDRAW),
        (State.OVERLAP, None),
    ],
)
def test_what_cannot_be_had_now_changes_nothing(state: State, wanted: Signal | None) -> None:
    assert heed(a_rotation(state, wanted=wanted)) is None


class TestWhatALedgerWrites:
    def test_a_wish_that_came_during_the_step_is_kept(self) -> None:
        before = a_rotation(State.CREATED)
        after = follow(before, Signal.ADVANCE)

        written = answer(before, after, Signal.ROLL_BACK)

        assert written == replace(after, wanted=Signal.ROLL_BACK)

    def test_a_wish_that_was_heeded_is_not_written_again(self) -> None:
        before = a_rotation(State.CREATED, wanted=Signal.ROLL_BACK)
        after = heed(before)

        assert after is not None
        assert answer(before, after, Signal.ROLL_BACK) is after

    @pytest.mark.parametrize(
        ("state", "wanted", "end"),
        [
            (State.OVERLAP, Signal.ROLL_BACK, State.ROLLING_BACK),
            (State.PREFLIGHT, Signal.WITHDRAW, State.ABANDONED),
        ],
    )
    def test_a_wish_is_heeded_in_place_of_a_step_that_would_be_too_late_for_it(
        self, state: State, wanted: Signal, end: State
    ) -> None:
        before = a_rotation(state)

        written = answer(before, follow(before, Signal.ADVANCE), wanted)

        assert (written.state, written.wanted) == (end, None)

    def test_a_rotation_that_ended_meanwhile_stays_ended(self) -> None:
        before = a_rotation(State.OVERLAP)
        after = follow(before, Signal.CONFLICT, "Somebody else wrote it.")

        assert answer(before, after, Signal.ROLL_BACK).state is State.CONFLICT

    def test_without_a_wish_it_is_what_came_of_the_step(self) -> None:
        before = a_rotation(State.OVERLAP)
        after = follow(before, Signal.ADVANCE)

        assert answer(before, after, None) is after

    def test_a_wish_that_cannot_be_had_stops_nothing(self) -> None:
        before = a_rotation(State.RETIRING)
        after = follow(before, Signal.ADVANCE)

        assert answer(before, after, Signal.ROLL_BACK).state is State.SWEEPING


def test_an_attempt_is_intended_before_it_is_made_and_taken_back_if_nothing_was() -> None:
    rotation = a_rotation(State.CREATING, attempt=1, new_key_id="k1", tries=2)

    intended = intend(rotation, ["a", "b"])

    assert (intended.attempt, intended.before, intended.new_key_id) == (2, ("a", "b"), None)
    assert intended.marker.attempt == 2
    assert (unspent(intended).attempt, unspent(intended).tries) == (1, 2)


def test_one_place_is_replaced_by_what_is_known_of_it_now() -> None:
    rotation = a_rotation(State.VERIFIED, places=[a_place(0), a_place(1)])

    after = with_place(rotation, a_place(1, new_version="v2"))

    assert [place.new_version for place in after.places] == [None, "v2"]


def written(state: State, *versions: str | None, **known: object) -> Rotation:
    places = [a_place(number, new_version=each) for number, each in enumerate(versions)]
    return a_rotation(state, places=places, **known)


class TestWhenTheOverlapBegins:
    def test_when_the_last_place_is_written(self) -> None:
        after = stamp(
            written(State.VERIFIED, "v1", "v2"), written(State.PUBLISHED, "v1", "v2"), NOW
        )

        assert after.not_before == END

    def test_anew_when_a_place_is_written_again(self) -> None:
        before = written(State.PUBLISHED, "v1", not_before=NOW)

        assert stamp(before, written(State.PUBLISHED, "v3", not_before=NOW), NOW).not_before == END

    def test_not_anew_while_nothing_is_written(self) -> None:
        before = written(State.PUBLISHED, "v1", not_before=NOW)

        assert stamp(before, replace(before, tries=1), NOW).not_before == NOW

    def test_anew_when_every_copy_holds_it(self) -> None:
        before = written(State.SYNCING, "v1", not_before=NOW)

        assert stamp(before, follow(before, Signal.ADVANCE), NOW).not_before == END

    def test_not_anew_while_it_is_waited_for(self) -> None:
        before = written(State.OVERLAP, "v1", not_before=NOW)

        assert stamp(before, replace(before, tries=1), NOW).not_before == NOW
        assert stamp(before, follow(before, Signal.ADVANCE), NOW).not_before == NOW

    def test_when_a_place_is_given_back(self) -> None:
        before = a_rotation(State.ROLLING_BACK, not_before=NOW)
        after = with_place(before, a_place(reverted_version="v3"))

        assert stamp(before, after, NOW).not_before == END

    def test_when_the_last_copy_is_given_back(self) -> None:
        before = a_rotation(State.ROLLING_BACK, not_before=NOW)

        assert stamp(before, replace(before, not_before=None), NOW).not_before == END
        assert stamp(before, before, NOW).not_before == NOW

    def test_not_before_anything_is_written(self) -> None:
        before = a_rotation(State.CREATED)

        assert stamp(before, follow(before, Signal.ADVANCE), NOW).not_before is None
