"""A bulk begins with one, goes on with a tenth, and halts before failures spread."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.rotator.domain.limits import IN_FLIGHT
from services.rotator.domain.waves import Next, Progress, ends_of, following

GOOD, BAD = True, False


def going(total: int, outcomes: list[bool], under_way: int = 0, parallel: int = 1000) -> Next:
    started = len(outcomes) + under_way
    return following(
        Progress(total=total, started=started, outcomes=tuple(outcomes)), parallel=parallel
    )


@pytest.mark.parametrize(
    ("total", "ends"),
    [(0, ()), (1, (1,)), (2, (1, 2)), (5, (1, 2, 5)), (200, (1, 21, 200)), (201, (1, 22, 201))],
)
def test_waves_are_one_then_a_tenth_then_the_rest(total: int, ends: tuple[int, ...]) -> None:
    assert ends_of(total) == ends


def test_a_wave_begins_when_the_one_before_has_ended() -> None:
    assert going(200, []) == Next(start=1)
    assert going(200, [], under_way=1) == Next(start=0)
    assert going(200, [GOOD]) == Next(start=20)
    assert going(200, [GOOD] * 20, under_way=1) == Next(start=0)
    assert going(200, [GOOD] * 21) == Next(start=179)
    assert going(200, [GOOD] * 200) == Next(done=True)
    assert going(0, []) == Next(done=True)


def test_no_more_are_under_way_than_effects_may_be() -> None:
    assert going(200, [GOOD] * 21, under_way=3, parallel=IN_FLIGHT) == Next(start=2)


def test_a_first_one_that_fails_halts_all() -> None:
    assert going(200, [BAD]) == Next(
        halted="Halted: 1 of the 1 rotations begun so far failed, more than 10%. Look at the"
        " failures, then start the 199 that were not begun anew."
    )


def test_three_failures_in_a_row_halt() -> None:
    outcomes = [GOOD] * 100 + [BAD] * 3

    assert going(200, outcomes[:-1]).halted is None
    assert going(200, outcomes) == Next(
        halted="Halted: 3 rotations in a row failed. Look at the failures, then start the 97 that"
        " were not begun anew."
    )


def test_a_tenth_that_failed_is_tolerated_and_more_is_not() -> None:
    tolerated = ([GOOD] * 9 + [BAD]) * 10

    assert going(200, tolerated).halted is None
    assert going(200, [*tolerated, BAD]).halted is not None


def test_where_all_have_begun_there_is_nothing_to_halt() -> None:
    assert going(3, [GOOD, GOOD, BAD]) == Next(done=True)
    assert going(3, [GOOD, BAD], under_way=1) == Next(start=0)


@given(st.integers(0, 300), st.data())
def test_no_course_of_events_starts_more_than_its_wave_or_goes_on_after_a_halt(
    total: int, data: st.DataObject
) -> None:
    started, outcomes, halted = 0, [], False
    parallel = data.draw(st.integers(1, 8))
    while True:
        progress = Progress(total=total, started=started, outcomes=tuple(outcomes))
        step = following(progress, parallel)
        if step.done:
            assert len(outcomes) == total
            break
        assert not (halted and step.start)
        halted = halted or step.halted is not None
        started += step.start
        under_way = started - len(outcomes)
        assert under_way <= parallel
        assert started <= next(end for end in ends_of(total) if len(outcomes) < end)
        if under_way == 0:
            assert halted
            break
        outcomes.append(data.draw(st.integers(0, 9)) > 0)
    if not halted:
        assert started == total
