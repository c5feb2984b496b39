"""A rotation can be killed at any instruction, and still nobody is locked out and nothing is left.

The harness kills the process before and after every effect and every commit, whichever those are.
`make chaos` plays all cases; here are those of one crash, and some of each other kind.
"""

from dataclasses import replace
from random import Random

import pytest

from services.rotator.domain.state import State
from tests.support.saga.campaigns import BY_NAME, Points, length, tally
from tests.support.saga.harness import ROTATION_ID, process, run, scene, with_crashes
from tests.support.saga.played import crashes, two_crashes
from tests.support.saga.promises import broken_promises


def some(seed: int, count: int = 100) -> list[Points]:
    random, most = Random(seed), length()  # noqa: S311 - the same cases in every run
    return [(random.randint(1, most), random.randint(1, most)) for _ in range(count)]


def test_an_undisturbed_rotation_keeps_every_promise() -> None:
    undisturbed = scene()

    run(undisturbed, process(undisturbed))

    assert broken_promises(undisturbed) == []


def test_killed_once_at_any_instruction_it_keeps_every_promise() -> None:
    campaign = BY_NAME["one crash"]
    lanes = [lane for lane in campaign.lanes() if lane[0] == 2]

    found = tally(campaign, lanes)

    assert found.first is None
    assert found.cases == len(lanes) > 350


def test_killed_twice_it_keeps_every_promise() -> None:
    assert {case: said for case in some(1) if (said := two_crashes(*case).broken)} == {}


def test_killed_three_times_it_keeps_every_promise() -> None:
    campaign = BY_NAME["three crashes"]

    assert tally(campaign, campaign.lanes()[:100]).first is None


@pytest.mark.parametrize("places", [1, 3])
def test_killed_at_every_seventh_instruction_until_the_end_it_keeps_every_promise(
    places: int,
) -> None:
    worn = with_crashes(scene(places=places), [7, 14, 21])

    assert broken_promises(worn) == []


def test_what_has_to_be_allowed_waits_until_it_is() -> None:
    waiting = scene()
    waiting.book.rows[ROTATION_ID].rotation = replace(
        waiting.rotation, state=State.REQUESTED, approval_required=True
    )

    run(waiting, process(waiting))

    assert waiting.rotation.state is State.AWAITING_APPROVAL
    assert waiting.rotation.plan_hash is not None


def test_without_an_overlap_a_crash_locks_nobody_out_either() -> None:
    for point in range(1, length()):
        worn = with_crashes(scene(overlap=0.0), [point])

        assert broken_promises(worn) == []


def test_a_case_that_breaks_a_promise_is_told_with_what_plays_it_again() -> None:
    campaign = BY_NAME["one crash"]
    broken = campaign._replace(play=lambda *points: crashes(*points)._replace(broken=["a"]))

    assert tally(broken, [(1, 0, 5), (1, 0, 6)]).first == ((1, 0, 5), ["a"])
    assert tally(broken, [(1, 0, 5), (1, 0, 6)]).cases == 1


def test_a_saga_that_does_not_end_breaks_a_promise() -> None:
    campaign = BY_NAME["one crash"]._replace(play=crashes_nothing)

    assert tally(campaign, [(1, 0, 5)]).first == ((1, 0, 5), ["AssertionError: it goes on"])


def crashes_nothing(*_: int) -> None:
    raise AssertionError("it goes on")
