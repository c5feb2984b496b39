"""The budgets of this process alone: never more than a share, less after a complaint."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scanner.domain.own_budget import Budget


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


def test_a_budget_halves_when_asked_to_slow_down_and_grows_back_in_steps() -> None:
    budget = Budget(100.0)
    budget.slow_down()
    assert budget.rate == 50
    budget.speed_up()
    assert budget.rate == 55
    for _ in range(50):
        budget.slow_down()
    assert budget.rate == 2
    for _ in range(50):
        budget.speed_up()
    assert budget.rate == 100


def test_an_own_budget_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="more than 0"):
        Budget(0)
