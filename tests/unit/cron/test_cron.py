"""Recurrences: what is read, what is refused, and what happens when the clocks change."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.cron import CronError, Recurrence

BERLIN = "Europe/Berlin"


def times(expression: str, begin: str, count: int, zone: str = BERLIN) -> list[str]:
    rule, moment = Recurrence(expression, zone), datetime.fromisoformat(begin)
    found = []
    for _ in range(count):
        moment = rule.after(moment)
        found.append(moment.strftime("%d %H:%M"))
    return found


def test_a_run_in_the_hour_that_the_clocks_leave_out_comes_right_after_it() -> None:
    assert times("30 2 * * *", "2026-03-28T00:00:00+00:00", 3) == [
        "28 01:30",
        "29 01:00",
        "30 00:30",
    ]


def test_a_run_in_the_hour_that_comes_twice_comes_once() -> None:
    assert times("30 2 * * *", "2026-10-24T12:00:00+00:00", 2) == ["25 00:30", "26 01:30"]


def test_an_hourly_run_comes_every_hour_whatever_the_clocks_show() -> None:
    assert times("0 * * * *", "2026-10-24T23:30:00+00:00", 4) == [
        "25 00:00",
        "25 01:00",
        "25 02:00",
        "25 03:00",
    ]


@pytest.mark.parametrize(
    "expression",
    ["", "* * * *", "* * * * * *", "60 * * * *", "x * * * *", "* * * * mom", "0 0 30 2 *", "²" * 9],
)
def test_what_is_no_recurrence_or_never_comes_is_refused(expression: str) -> None:
    with pytest.raises(CronError, match=r"cron expression|never comes"):
        Recurrence(expression)


@pytest.mark.parametrize("zone", ["", "Mars/Base", "../etc/passwd", "/etc", "a\0b", "Europe"])
def test_an_unknown_time_zone_is_refused(zone: str) -> None:
    with pytest.raises(CronError, match="time zone"):
        Recurrence("0 0 * * *", zone)


@settings(deadline=None)
@given(
    st.text(max_size=30) | st.text(alphabet="0123456789*/,-#L ", max_size=30), st.text(max_size=10)
)
def test_no_text_raises_anything_but_a_refusal(expression: str, zone: str) -> None:
    for chosen in (zone, "UTC"):
        rule = refusal = None
        try:
            rule = Recurrence(expression, chosen)
        except CronError as error:
            refusal = str(error)
        begin = datetime(2026, 1, 1, tzinfo=UTC)
        assert rule.after(begin) > begin if rule else str(refusal).endswith(".")
