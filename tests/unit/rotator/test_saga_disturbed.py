"""People write places, change their minds and switch rotation off; clouds answer with errors.

Whatever comes, the rotation ends in a state that tells the truth, and nobody is locked out.
"""

from random import Random

import pytest

from services.rotator.domain.rotation import MAX_ATTEMPTS
from services.rotator.domain.state import Signal, State
from services.rotator.steps import hand
from tests.support.saga.campaigns import BY_NAME, Campaign, Points, length, tally
from tests.support.saga.disturb import PAUSE, crash, disturbed, later, pause, resume, wish, write_of
from tests.support.saga.faults import CLOUDS, LEDGERS, Fault, Faults, faulty
from tests.support.saga.harness import HOUR, Scene, process, run, scene
from tests.support.saga.promises import OLD, STOPPED, broken_promises


def first_at(label: str, state: State) -> int:
    """Return the number of the first checkpoint with that label in that state."""
    watched = scene()
    one = process(watched)
    return next(
        point
        for point in range(1, length())
        if run(watched, one, 1) and (one.stands_at, watched.rotation.state) == (label, state)
    )


def sample(campaign: Campaign, most: int) -> list[Points]:
    lanes = list(campaign.lanes())
    chosen = Random(11).sample(lanes, min(most, len(lanes)))  # noqa: S311 - always the same
    return sorted(chosen)


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("somebody else writes", 250),
        ("roll back", 200),
        ("withdraw", 100),
        ("kill switch", 120),
        ("one fault", 400),
        ("two faults", 150),
        ("permissions withdrawn", 120),
    ],
)
def test_however_it_is_disturbed_it_comes_to_a_safe_end(name: str, most: int) -> None:
    campaign = BY_NAME[name]

    assert tally(campaign, sample(campaign, most)).first is None


class TestSomebodyElseWrites:
    def test_before_we_look_for_the_last_time_theirs_stays_the_newest(self) -> None:
        point = first_at("before current", State.VERIFIED)
        written = disturbed(scene(), [(point, write_of("value of k2"))])

        assert written.rotation.state is State.CONFLICT
        assert written.world.places["db-password-0"][-1].value == "value of k2"
        assert "Somebody else wrote “db-password-0”" in (written.rotation.reason or "")
        assert broken_promises(written, {State.CONFLICT}) == []

    def test_between_our_look_and_our_write_a_person_is_told_and_nothing_is_removed(self) -> None:
        point = first_at("before publish", State.VERIFIED)
        written = disturbed(scene(), [(point, write_of("value of k2"))])

        assert [each.seen for each in written.world.replaced] == [False]
        assert written.rotation.state is State.CONFLICT
        assert broken_promises(written, {State.CONFLICT}) == []

    def test_between_our_look_and_our_rollback_a_person_is_told_too(self) -> None:
        asked = scene()
        one = process(asked)
        run(asked, one, first_at("before commit", State.SYNCING))
        wish(Signal.ROLL_BACK)(asked, one)
        while (one.stands_at, asked.rotation.state) != ("before publish", State.ROLLING_BACK):
            run(asked, one, 1)
        write_of("value of k2")(asked, one)
        run(asked, one)

        assert asked.rotation.state is State.CONFLICT
        assert asked.world.replaced
        assert broken_promises(asked, {State.CONFLICT}) == []

    def test_the_old_value_by_hand_it_is_not_removed(self) -> None:
        point = first_at("after claim", State.OVERLAP)
        written = disturbed(scene(), [(point, write_of(f"value of {OLD}"))])

        assert written.rotation.state is State.CONFLICT
        assert written.world.alive(OLD)
        assert broken_promises(written, {State.CONFLICT}) == []

    def test_before_the_rotation_looks_it_replaces_that_version(self) -> None:
        written = disturbed(scene(), [(1, write_of("value of k2", tags={"owner": "kim"}))])

        assert broken_promises(written) == []
        newest = written.world.places["db-password-0"][-1].version
        assert newest.tags["owner"] == "kim"


class TestAPersonWantsTheOldOneBack:
    def test_a_wish_that_comes_while_the_step_is_taken_is_not_lost(self) -> None:
        point = first_at("before commit", State.CREATED)
        asked = disturbed(scene(), [(point, wish(Signal.ROLL_BACK))])

        assert asked.rotation.state is State.ROLLED_BACK
        assert asked.rotation.wanted is None
        assert broken_promises(asked, {State.ROLLED_BACK}) == []

    def test_the_last_moment_is_when_the_overlap_is_found_to_be_over(self) -> None:
        begins = first_at("before claim", State.OVERLAP)
        given_back = [
            point
            for point in range(begins, length())
            if disturbed(scene(), [(point, wish(Signal.ROLL_BACK))]).rotation.state
            is State.ROLLED_BACK
        ]
        last = scene()
        one = process(last)
        run(last, one, given_back[-1])

        assert given_back == list(range(begins, given_back[-1] + 1))
        assert (one.stands_at, last.rotation.state) == ("before commit", State.OVERLAP)

    def test_when_the_old_one_has_begun_to_go_it_only_goes_on(self) -> None:
        point = first_at("before claim", State.RETIRING)
        asked = disturbed(scene(), [(point, wish(Signal.ROLL_BACK))])

        assert asked.rotation.state is State.COMPLETED
        assert broken_promises(asked) == []

    @pytest.mark.parametrize("later", range(6))
    def test_during_the_overlap_it_is_given_back_at_once(self, later: int) -> None:
        asked = scene()
        one = process(asked)
        run(asked, one, first_at("before claim", State.OVERLAP) + later)
        began = asked.world.now
        wish(Signal.ROLL_BACK)(asked, one)
        run(asked, one, 60)

        held = asked.world.places["db-password-1"][-1]
        assert held.value == f"value of {OLD}"
        assert held.since - began < HOUR

    def test_who_reads_a_copy_gets_in_until_the_copy_has_the_old_one_again(self) -> None:
        point = first_at("before claim", State.OVERLAP)
        asked = scene(overlap=600.0, copy_lag=4 * HOUR)
        disturbed(asked, [(point, wish(Signal.ROLL_BACK))])

        assert asked.rotation.state is State.ROLLED_BACK
        assert broken_promises(asked, {State.ROLLED_BACK}) == []

    def test_a_rollback_that_died_after_it_wrote_waits_the_whole_overlap(self) -> None:
        asked = scene(overlap=600.0)
        one = process(asked)
        run(asked, one, first_at("before claim", State.OVERLAP))
        wish(Signal.ROLL_BACK)(asked, one)
        while asked.rotation.state is not State.ROLLING_BACK:
            run(asked, one, 1)
        disturbed_on = [(0, pause), (100, resume)]
        for gap, act in disturbed_on:
            run(asked, one, gap)
            act(asked, one)
        while one.stands_at != "after publish":
            run(asked, one, 1)
        run(asked, crash(asked, one))

        assert broken_promises(asked, {State.ROLLED_BACK}) == []

    def test_an_old_credential_that_died_is_not_given_back(self) -> None:
        asked = scene()
        one = process(asked)
        run(asked, one, first_at("before claim", State.OVERLAP))
        asked.world.credentials[OLD].died = asked.world.now - 1.0
        wish(Signal.ROLL_BACK)(asked, one)
        run(asked, one)

        assert asked.rotation.state is State.FAILED
        assert "does not work any more" in (asked.rotation.reason or "")
        assert all(held[-1].value != f"value of {OLD}" for held in asked.world.places.values())


class TestTheKillSwitch:
    def test_while_it_is_on_nothing_is_changed(self) -> None:
        for point in range(1, length(), 5):
            paused = scene()
            one = process(paused)
            run(paused, one, point)
            in_flight = one.stands_at in {"before make", "before publish", "before remove"}
            before = effects_of(paused)
            pause(paused, one)
            run(paused, one, 60)

            assert effects_of(paused) - before <= in_flight

    def test_its_sentence_is_told(self) -> None:
        paused = scene()
        one = process(paused)
        pause(paused, one)
        run(paused, one, 30)

        assert paused.rotation.reason == PAUSE

    def test_a_value_is_not_kept_for_longer_than_its_time(self) -> None:
        paused = scene()
        one = process(paused)
        run(paused, one, first_at("before claim", State.CREATED))
        assert one.parts.hand.get(paused.rotation) is not None
        pause(paused, one)
        later(hand.LONGEST_SECONDS)(paused, one)
        run(paused, one, 30)

        assert one.parts.hand.get(paused.rotation) is None
        resume(paused, one)
        run(paused, one)
        assert broken_promises(paused) == []


def effects_of(changed: Scene) -> int:
    """Return how much was made, published and removed."""
    world = changed.world
    removed = sum(not world.alive(key_id) for key_id in world.credentials)
    return len(world.credentials) + sum(map(len, world.places.values())) + removed


class TestTheCredential:
    def test_one_that_never_works_changes_nothing_and_is_accounted_for(self) -> None:
        broken = scene()
        broken.world.makes_broken = True
        run(broken, process(broken))

        assert broken.rotation.state is State.ABANDONED
        assert broken_promises(broken, {State.ABANDONED}) == []
        assert len(broken.world.marked()) == 1
        assert "did not work within 12 tests over 270 s" in (broken.rotation.reason or "")

    def test_one_that_stops_working_leaves_the_old_one_alive(self) -> None:
        lost = scene()
        one = process(lost)
        run(lost, one, first_at("before claim", State.OVERLAP))
        lost.world.credentials[lost.rotation.new_key_id or ""].died = lost.world.now
        run(lost, one)

        assert lost.rotation.state is State.FAILED
        assert lost.world.alive(OLD)
        assert "does not work at this moment" in (lost.rotation.reason or "")

    def test_one_whose_maker_always_dies_is_tried_four_times_and_not_more(self) -> None:
        doomed = scene()
        one = process(doomed)
        while not doomed.rotation.is_over:
            run(doomed, one, 1)
            one = crash(doomed, one) if one.stands_at == "after make" else one

        assert doomed.rotation.attempt == len(doomed.world.marked()) == MAX_ATTEMPTS
        assert doomed.rotation.state is State.ABANDONED
        assert broken_promises(doomed, {State.ABANDONED}) == []


class TestErrors:
    @pytest.mark.parametrize("kind", [Fault.THROTTLED, Fault.BUSY])
    def test_a_call_that_was_certainly_refused_costs_no_attempt(self, kind: Fault) -> None:
        troubled = faulty(scene(), Faults(clouds={5: kind}))
        run(troubled, process(troubled))

        assert troubled.rotation.attempt == 1
        assert broken_promises(troubled) == []

    def test_a_call_whose_outcome_is_unknown_costs_one_attempt(self) -> None:
        troubled = faulty(scene(), Faults(clouds={5: Fault.AFTER}))
        run(troubled, process(troubled))

        assert troubled.rotation.attempt == 2
        assert broken_promises(troubled) == []

    def test_a_service_that_never_recovers_is_given_up_with_its_sentence(self) -> None:
        always = dict.fromkeys(range(5, 200), Fault.BEFORE)
        troubled = faulty(scene(), Faults(clouds=always))
        run(troubled, process(troubled))

        assert troubled.rotation.state in STOPPED
        assert broken_promises(troubled, STOPPED) == []
        assert "No answer." in (troubled.rotation.reason or "")

    def test_a_cloud_that_throttles_for_ever_is_given_up(self) -> None:
        troubled = faulty(scene(), Faults(clouds=dict.fromkeys(range(5, 200), Fault.THROTTLED)))
        run(troubled, process(troubled))

        assert troubled.rotation.state in STOPPED
        assert broken_promises(troubled, STOPPED) == []
        assert troubled.world.marked() == set()

    def test_every_kind_of_fault_is_met_in_the_campaigns(self) -> None:
        assert {*CLOUDS, *LEDGERS, Fault.DENIED} == set(Fault)
