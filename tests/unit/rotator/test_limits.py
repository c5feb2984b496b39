"""Writes wait for their application, their budgets and each other, and a wait takes nothing."""

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.rotator.domain.limits import (
    IN_FLIGHT,
    LOOK_AGAIN,
    TENANT_RATE,
    VAULT_RATE,
    AppWrites,
    Bucket,
    Budget,
    Rate,
    Wait,
    admit,
    may_begin,
    may_write,
)
from services.rotator.domain.retry import LONGEST_WAIT
from tests.unit.rotator.policy_values import DAY, HOUR, NOW

SECOND = timedelta(seconds=1)
ZERO = timedelta()


def a_budget(used: float = 0, rate: Rate = VAULT_RATE, owner: str = "kv-pay") -> Budget:
    return Budget(owner=owner, rate=rate, bucket=Bucket(full_at=NOW + used * rate.every))


def test_rotations_of_one_application_begin_an_hour_apart() -> None:
    began = AppWrites(rotation_began_at=NOW)

    assert may_begin(AppWrites(), NOW).span == ZERO
    assert may_begin(began, NOW + 59 * HOUR / 60) == Wait(
        span=HOUR / 60, reason="Rotations of one application begin 1 hour apart."
    )
    assert may_begin(began, NOW + HOUR).span == ZERO


def test_writes_to_one_application_are_five_seconds_apart() -> None:
    ended = AppWrites(write_ended_at=NOW)

    assert may_write(AppWrites(), NOW).span == ZERO
    assert may_write(ended, NOW + 2 * SECOND) == Wait(
        span=3 * SECOND, reason="Writes to one application are 5 seconds apart."
    )
    assert may_write(ended, NOW + 5 * SECOND).span == ZERO


def test_one_application_is_written_by_one_at_a_time() -> None:
    busy = AppWrites(writing=True)

    assert may_write(busy, NOW + DAY) == Wait(
        span=LOOK_AGAIN, reason="Another write to this application is under way."
    )


@given(st.datetimes(NOW.replace(tzinfo=None) - 99 * DAY, NOW.replace(tzinfo=None) + 99 * DAY))
def test_no_clock_makes_an_application_wait_longer_than_its_gap(moment: datetime) -> None:
    app = AppWrites(rotation_began_at=NOW, write_ended_at=NOW)
    now = moment.replace(tzinfo=NOW.tzinfo)

    assert ZERO <= may_begin(app, now).span <= HOUR
    assert ZERO <= may_write(app, now).span <= 5 * SECOND


def test_a_budget_is_used_up_and_fills_again() -> None:
    bucket = Bucket(full_at=NOW)
    for _ in range(VAULT_RATE.burst):
        assert bucket.wait(VAULT_RATE, NOW) == ZERO
        bucket = bucket.take(VAULT_RATE, NOW)

    assert bucket.wait(VAULT_RATE, NOW) == SECOND
    assert bucket.wait(VAULT_RATE, NOW + SECOND / 2) == SECOND / 2
    assert bucket.wait(VAULT_RATE, NOW + SECOND) == ZERO


def test_a_budget_never_holds_more_than_its_burst() -> None:
    bucket = Bucket(full_at=NOW - DAY)
    for _ in range(VAULT_RATE.burst):
        bucket = bucket.take(VAULT_RATE, NOW)

    assert bucket.wait(VAULT_RATE, NOW) == SECOND


def test_a_clock_that_was_set_back_leaves_a_budget_empty_and_no_emptier() -> None:
    bucket = Bucket(full_at=NOW).take(VAULT_RATE, NOW)

    assert bucket.wait(VAULT_RATE, NOW - DAY) == SECOND
    assert bucket.take(VAULT_RATE, NOW - DAY).wait(VAULT_RATE, NOW - DAY) == SECOND


def test_a_budget_that_a_cloud_asked_to_leave_alone_is_left_alone() -> None:
    shut = a_budget().bucket.shut(NOW, 90 * SECOND)

    assert shut.wait(VAULT_RATE, NOW) == 90 * SECOND
    assert shut.shut(NOW, SECOND).wait(VAULT_RATE, NOW) == 90 * SECOND
    assert shut.wait(VAULT_RATE, NOW + 90 * SECOND) == ZERO
    assert shut.wait(VAULT_RATE, NOW - 999 * DAY) == LONGEST_WAIT


def test_a_write_takes_its_place_in_all_budgets_at_once() -> None:
    vault, tenant = a_budget(), a_budget(2, TENANT_RATE, "the tenant")

    admission = admit([vault, tenant], in_flight=0, now=NOW, app=AppWrites())

    assert admission.wait == Wait()
    assert [one.bucket.full_at - NOW for one in admission.budgets] == [SECOND, 6 * SECOND]


def test_a_write_waits_for_the_slowest_of_all_and_is_told_which() -> None:
    budgets = [a_budget(4.5), a_budget(5, TENANT_RATE, "the tenant")]

    admission = admit(budgets, in_flight=0, now=NOW)

    assert admission.wait == Wait(
        span=2 * SECOND, reason="The budget of the tenant is used up for the moment."
    )
    assert admission.budgets == tuple(budgets)


def test_no_more_than_five_effects_are_in_flight() -> None:
    assert admit([a_budget()], in_flight=4, now=NOW).wait.span == ZERO
    assert admit([a_budget()], in_flight=5, now=NOW).wait == Wait(
        span=LOOK_AGAIN, reason="5 writes are under way."
    )


def test_a_write_without_a_budget_waits_for_its_application_alone() -> None:
    assert admit([], in_flight=0, now=NOW).wait.span == ZERO
    assert (
        admit([], in_flight=0, now=NOW, app=AppWrites(write_ended_at=NOW)).wait.span == 5 * SECOND
    )


steps = st.lists(
    st.integers(0, 4000).map(lambda number: timedelta(milliseconds=number)), max_size=60
)


@given(steps, st.integers(0, 6))
def test_no_span_of_time_sees_more_writes_than_the_rate_and_one_burst(
    gaps: list[timedelta], in_flight: int
) -> None:
    budget, now, sent = a_budget(), NOW, 0
    for gap in gaps:
        now += gap
        admission = admit([budget], in_flight=in_flight, now=now)
        [budget] = admission.budgets
        if admission.wait.span == ZERO:
            sent += 1
            assert in_flight < IN_FLIGHT
    seconds = (now - NOW).total_seconds()

    assert sent <= VAULT_RATE.burst + seconds


@given(steps, st.floats(0, 5))
def test_whoever_waited_as_long_as_they_were_told_may_go(
    gaps: list[timedelta], used: float
) -> None:
    budget, now = a_budget(used), NOW
    for gap in gaps:
        now += gap
        admission = admit([budget], in_flight=0, now=now)
        if admission.wait.span > ZERO:
            assert admission.budgets == (budget,)
            now += admission.wait.span
            admission = admit([budget], in_flight=0, now=now)
        assert admission.wait.span == ZERO
        [budget] = admission.budgets


def test_the_rate_is_far_below_what_azure_grants_a_vault() -> None:
    in_ten_seconds = VAULT_RATE.burst + 10 * SECOND / VAULT_RATE.every

    assert in_ten_seconds <= 300 / 20
