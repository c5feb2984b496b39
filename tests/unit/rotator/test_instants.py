"""Sums of instants stay within the calendar; spans and instants are written for people."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.rotator.domain.instants import (
    BEGINNING,
    END,
    earlier,
    in_words,
    later,
    spread,
    written,
)

moments = st.datetimes(timezones=st.just(UTC))
spans = st.timedeltas(min_value=timedelta())


@given(moments, spans)
def test_no_sum_leaves_the_calendar(moment: datetime, span: timedelta) -> None:
    assert BEGINNING <= earlier(moment, span) <= max(moment, BEGINNING)
    assert END >= later(moment, span) >= min(moment, END)


@given(moments.filter(lambda moment: 1900 < moment.year < 9000))
def test_an_ordinary_sum_is_exact(moment: datetime) -> None:
    assert later(moment, timedelta(days=9)) - moment == timedelta(days=9)
    assert moment - earlier(moment, timedelta(days=9)) == timedelta(days=9)


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(days=90), "90 days"),
        (timedelta(hours=48), "48 hours"),
        (timedelta(days=1), "24 hours"),
        (timedelta(hours=1), "1 hour"),
        (timedelta(minutes=15), "15 minutes"),
        (timedelta(seconds=20.5), "20 seconds"),
        (timedelta(), "0 seconds"),
    ],
)
def test_a_span_is_written_in_its_largest_whole_unit(span: timedelta, words: str) -> None:
    assert in_words(span) == words


def test_an_instant_is_written_in_utc() -> None:
    assert written(datetime.fromisoformat("2026-11-23T13:30:59+01:00")) == "2026-11-23 12:30 UTC"


@given(st.text())
def test_a_names_number_is_always_the_same_and_between_minus_one_and_one(name: str) -> None:
    assert spread(name) == spread(name)
    assert -1 <= spread(name) <= 1


def test_numbers_of_different_names_are_spread_evenly() -> None:
    drawn = [spread(str(number)) for number in range(1000)]

    assert abs(sum(drawn) / 1000) < 0.1
    assert all(
        200 < sum(low <= one < low + 0.5 for one in drawn) < 300 for low in (-1, -0.5, 0, 0.5)
    )
