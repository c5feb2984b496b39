"""How many wrong passwords are too many, over every course of events."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.gateway.domain.lockout import (
    FAILURES_PER_NETWORK,
    FORGET_AFTER,
    LOCKED_FOR,
    Standing,
    count_attempt,
    is_locked,
    take_back,
)

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CEILING = FAILURES_PER_NETWORK


def after(attempts: int, standing: Standing | None = None, now: datetime = NOW) -> Standing:
    standing = standing or Standing()
    for _ in range(attempts):
        standing = count_attempt(standing, now, CEILING)
    return standing


def test_the_fifth_failure_locks_and_not_the_fourth() -> None:
    assert not is_locked(after(4), NOW)
    assert is_locked(after(5), NOW)


def test_a_lock_ends_after_a_quarter_of_an_hour_and_is_not_prolonged() -> None:
    locked = after(5)
    tried_on = after(20, locked, NOW + timedelta(minutes=14))

    assert tried_on == locked
    assert is_locked(tried_on, NOW + LOCKED_FOR - timedelta(seconds=1))
    assert not is_locked(tried_on, NOW + LOCKED_FOR)


def test_after_a_lock_counting_begins_anew() -> None:
    again = after(1, after(5), NOW + LOCKED_FOR)

    assert (again.failures, again.locked_until) == (1, None)


def test_failures_are_forgotten_after_a_while() -> None:
    assert after(1, after(4), NOW + FORGET_AFTER).failures == 1
    assert after(1, after(4), NOW + FORGET_AFTER - timedelta(seconds=1)).failures == 5


def test_an_attempt_that_was_right_is_taken_back() -> None:
    assert take_back(after(5), CEILING) == Standing(4, NOW, None)
    assert take_back(Standing(), CEILING) == Standing()
    assert is_locked(take_back(Standing(7, NOW, NOW + LOCKED_FOR), CEILING), NOW)


@given(st.lists(st.timedeltas(timedelta(), timedelta(minutes=20)), max_size=60))
def test_no_course_of_attempts_gives_more_than_five_looks_in_a_quarter_of_an_hour(
    pauses: list[timedelta],
) -> None:
    standing, now = Standing(), NOW
    looks: list[datetime] = []
    for pause in pauses:
        now += pause
        if not is_locked(standing, now):
            looks.append(now)
        standing = count_attempt(standing, now, CEILING)

    for first, sixth in zip(looks, looks[5:], strict=False):
        assert sixth - first >= FORGET_AFTER
