"""A rotation begins in a window, outside all freezes, and never before it may."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given

from services.rotator.domain.freeze import holding
from services.rotator.domain.window import Times, Window
from shared.cron import Recurrence
from tests.unit.rotator.policy_values import (
    DAY,
    HOUR,
    NOW,
    a_freeze,
    a_window,
    moments,
    times,
    windows,
)

INSTANT = timedelta(microseconds=1)


@pytest.mark.parametrize("lasts", [timedelta(minutes=14), 7 * DAY + INSTANT])
def test_a_window_of_a_length_out_of_bounds_is_refused(lasts: timedelta) -> None:
    with pytest.raises(ValueError, match="A window stays open for 15 minutes to 7 days"):
        a_window(lasts=lasts)


def test_a_window_is_open_from_its_beginning_until_right_before_its_end() -> None:
    nightly = Times(windows=(a_window(),))
    two = datetime(2026, 11, 24, 2, tzinfo=UTC)

    assert nightly.next_permitted(NOW) == two
    assert nightly.permits(two)
    assert nightly.permits(two + 2 * HOUR - INSTANT)
    assert not nightly.permits(two + 2 * HOUR)
    assert nightly.next_permitted(two + 2 * HOUR) == two + DAY


def test_without_windows_every_time_outside_freezes_is_permitted() -> None:
    assert Times().next_permitted(NOW) == NOW
    assert Times(freezes=(a_freeze(NOW, DAY),)).next_permitted(NOW) == NOW + DAY


def test_a_window_within_a_freeze_is_passed_over() -> None:
    frozen = Times(windows=(a_window(),), freezes=(a_freeze(NOW, 2 * DAY),))

    assert frozen.next_permitted(NOW) == datetime(2026, 11, 26, 2, tzinfo=UTC)


def test_a_window_that_a_freeze_ends_in_is_used_from_there() -> None:
    one = datetime(2026, 11, 24, 3, tzinfo=UTC)
    frozen = Times(windows=(a_window(),), freezes=(a_freeze(NOW, one - NOW),))

    assert frozen.next_permitted(NOW) == one


def test_nothing_begins_earlier_than_it_may() -> None:
    assert Times(not_before=NOW + DAY).next_permitted(NOW) == NOW + DAY
    assert Times(not_before=NOW - DAY).next_permitted(NOW) == NOW


def test_the_first_of_several_windows_counts() -> None:
    both = Times(windows=(a_window("0 5 * * *"), a_window("0 23 * * *")))

    assert both.next_permitted(NOW) == datetime(2026, 11, 23, 23, tzinfo=UTC)


def test_a_window_keeps_its_length_on_the_night_on_which_clocks_change() -> None:
    window = Window(opens=Recurrence("0 1 * * *", "Europe/Berlin"), lasts=6 * HOUR)
    opens_at, closes_at = window.opening(datetime(2027, 3, 28, tzinfo=UTC))

    assert (opens_at, closes_at - opens_at) == (datetime(2027, 3, 28, tzinfo=UTC), 6 * HOUR)


def test_an_open_window_says_since_when() -> None:
    nightly = Times(windows=(a_window(),))
    two = datetime(2026, 11, 24, 2, tzinfo=UTC)

    assert nightly.opened(two + HOUR) == two
    assert nightly.opened(NOW) == NOW
    assert Times().opened(NOW) == NOW


@given(windows, moments)
def test_an_opening_holds_the_moment_or_comes_after_it(window: Window, moment: datetime) -> None:
    opens_at, closes_at = window.opening(moment)

    assert closes_at > moment
    assert closes_at - opens_at == window.lasts


@given(times, moments)
def test_the_next_permitted_instant_lies_in_a_window_and_outside_all_freezes(
    allowed: Times, moment: datetime
) -> None:
    at = allowed.next_permitted(moment)

    assert at >= max(moment, allowed.not_before or moment)
    assert holding(at, allowed.freezes) is None
    assert allowed.windows == () or any(
        opens_at <= at < closes_at
        for opens_at, closes_at in (window.opening(at) for window in allowed.windows)
    )
    assert allowed.permits(at)


@given(times, moments, moments)
def test_asking_later_never_gives_an_earlier_instant(
    allowed: Times, one: datetime, other: datetime
) -> None:
    first, second = sorted((one, other))

    assert allowed.next_permitted(first) <= allowed.next_permitted(second)


@given(times, moments, moments)
def test_no_permitted_instant_is_passed_over(
    allowed: Times, moment: datetime, other: datetime
) -> None:
    if moment <= other < allowed.next_permitted(moment):
        assert not allowed.permits(other)
