"""A step is tried again with growing waits, fifteen times, and then a person looks."""

from datetime import timedelta
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.rotator.domain.retry import (
    LONGEST_WAIT,
    WAITS,
    Again,
    NeedsAttention,
    after_failure,
    after_throttling,
)

SECOND = timedelta(seconds=1)
CYCLE = [30, 120, 600, 1800, 7200]


def test_each_of_three_cycles_waits_longer_from_attempt_to_attempt() -> None:
    waits = [after_failure(number) for number in range(1, 15)]

    assert waits == [Again(wait=seconds * SECOND) for seconds in [*CYCLE, *CYCLE, *CYCLE[:4]]]


@pytest.mark.parametrize("failures", [15, 16, 1000])
def test_after_the_last_attempt_a_person_must_look(failures: int) -> None:
    assert after_failure(failures, retry_after=5) == NeedsAttention(
        reason=f"It failed {failures} times in 3 cycles and is not tried again by itself. Both"
        " credentials stay as they are; mend the cause and resume it."
    )


def test_being_asked_to_slow_down_never_uses_up_the_attempts() -> None:
    assert after_throttling(1000) == Again(wait=7200 * SECOND)
    assert [after_throttling(times).wait for times in range(1, 6)] == list(WAITS)


@pytest.mark.parametrize("asked", [None, 0, -5, 29.9, nan, -inf])
def test_a_wait_that_is_shorter_than_ours_or_no_number_changes_nothing(asked: float | None) -> None:
    assert after_failure(1, asked) == Again(wait=30 * SECOND)


def test_a_longer_wait_is_honoured() -> None:
    assert after_failure(1, 30.5) == Again(wait=30.5 * SECOND)
    assert after_throttling(1, 21600) == Again(wait=LONGEST_WAIT)


@pytest.mark.parametrize("asked", [21601, 1e300, inf])
def test_an_absurd_wait_is_cut_with_a_reason(asked: float) -> None:
    assert after_throttling(1, asked) == Again(
        wait=LONGEST_WAIT,
        reason="The cloud asked to wait for more than 6 hours; it is asked again after that.",
    )


@given(st.integers(1, 14), st.none() | st.floats())
def test_nobody_comes_back_before_what_was_asked_for_unless_it_says_why(
    number: int, asked: float | None
) -> None:
    for found in (after_failure(number, asked), after_throttling(number, asked)):
        assert isinstance(found, Again)
        assert timedelta() < found.wait <= LONGEST_WAIT
        if asked is not None and found.wait.total_seconds() < asked - 1e-6:
            assert found.reason
