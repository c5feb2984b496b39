"""The budgets of this process alone: never more than a share, less after a complaint."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scanner.domain.budget import FLOOR, STEP, Bucket
from services.scanner.domain.own_budget import Budget

RATE = 100.0


@dataclass(frozen=True)
class Complaint:
    """A reply that asks to slow down."""

    pause: float


Act = tuple[float, int | Complaint]
steps = st.sampled_from([0.5, 1.0, 6.0])


@given(st.lists(st.floats(0, 0.05), min_size=1, max_size=200))
def test_no_second_gets_more_than_its_budget_and_one_small_burst(gaps: list[float]) -> None:
    budget = Budget(100.0)
    now = 1000.0
    begins = []
    for gap in gaps:
        now += gap
        begins.append(now + budget.take(now))

    for start in begins:
        within = sum(start <= begin < start + 1 for begin in begins)
        assert within <= 100 * 1.2 + 2


# What happens next: the seconds until then, and the places taken, or the pause of a complaint.
acts = st.lists(
    st.tuples(
        st.floats(0, 40) | st.integers(0, 40),
        st.integers(1, 50) | st.floats(0, 20).map(Complaint),
    ),
    max_size=60,
)


def states(budget: Budget, acts: list[Act]) -> Iterator[tuple[float, float]]:
    """Let it all happen; yield the time and the rate after each."""
    now = 1000.0
    for gap, what in acts:
        now += gap
        if isinstance(what, Complaint):
            budget.slow_down(now, what.pause)
        else:
            budget.take(now, what)
        yield now, budget.rate


@given(acts)
def test_an_own_budget_slows_down_and_recovers_as_the_shared_one_does(acts: list[Act]) -> None:
    shared = Bucket.full(RATE, 1000.0)

    for (now, rate), (_, what) in zip(states(Budget(RATE), acts), acts, strict=True):
        if isinstance(what, Complaint):
            shared = shared.slow_down(RATE, now, what.pause)
        else:
            shared, _ = shared.reserve(RATE, now, what)
        assert rate == pytest.approx(shared.rate)


@given(acts, st.lists(st.floats(0, 1), max_size=100), steps)
def test_it_grows_back_by_time_however_much_is_asked_for(
    acts: list[Act], asked: list[float], step: float
) -> None:
    busy, idle = Budget(RATE, step_seconds=step), Budget(RATE, step_seconds=step)
    now = max([1000.0, *(now for now, _ in states(busy, acts))])
    list(states(idle, acts))
    for gap in asked:
        now += gap
        busy.take(now)

    busy.take(now)
    idle.take(now)

    assert busy.rate == pytest.approx(idle.rate)


@given(acts, steps)
def test_a_quiet_time_gives_back_a_small_share_for_each_whole_step(
    acts: list[Act], step: float
) -> None:
    budget = Budget(RATE, step_seconds=step)
    before, then = RATE, 1000.0

    for (now, rate), (_, what) in zip(states(budget, acts), acts, strict=True):
        grown = RATE * STEP * (floor((now - then) / step) + 1)
        assert RATE * FLOOR <= rate <= min(RATE, before + grown) + 1e-9
        if isinstance(what, Complaint):
            assert rate >= max(RATE * FLOOR, before / 2) - 1e-9
        else:
            assert rate >= before
        before, then = rate, now


def test_the_complaints_of_one_crowd_halve_it_once() -> None:
    budget = Budget(RATE, step_seconds=6.0)

    for at in (1000.0, 1001.0, 1005.9):
        budget.slow_down(at)
    assert budget.rate == RATE / 2

    budget.slow_down(1006.0)
    assert budget.rate == RATE / 4


def test_what_a_complaint_took_is_back_after_ten_steps() -> None:
    budget = Budget(RATE, step_seconds=6.0)
    budget.slow_down(1000.0)

    budget.take(1006.0 + 59.9)
    assert budget.rate == pytest.approx(RATE * 0.95)
    budget.take(1006.0 + 60.0)
    assert budget.rate == RATE


def test_many_places_at_once_are_waited_for_as_one_after_another() -> None:
    one_by_one, at_once = Budget(RATE), Budget(RATE)

    last = [one_by_one.take(1000.0) for _ in range(70)][-1]

    assert at_once.take(1000.0, 70) == pytest.approx(last)


def test_an_own_budget_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="more than 0"):
        Budget(0)
