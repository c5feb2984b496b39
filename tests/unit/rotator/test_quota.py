"""Rotations by hand are counted by the calendar month; what failed is not."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.rotator.domain.quota import Outcome, Quota, Run, month_of, quota_of

NOW = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
NEW_YEAR = datetime(2027, 1, 1, tzinfo=UTC)


def a_run(outcome: Outcome = Outcome.SUCCEEDED, asked_at: datetime = NOW) -> Run:
    return Run(asked_at=asked_at, outcome=outcome)


def test_three_a_month_are_allowed_and_then_it_says_when_the_next_are() -> None:
    runs = [a_run(), a_run(Outcome.UNDER_WAY)]

    assert quota_of(runs, NOW, unlimited=False) == Quota(left=1, counted_anew_at=NEW_YEAR)
    assert quota_of(runs, NOW, unlimited=False).refusal is None
    assert quota_of([*runs, a_run()], NOW, unlimited=False).refusal == (
        "The 3 rotations by hand of this month are used; the next are possible from 2027-01-01"
        " 00:00 UTC, or at once with a licence for rotation."
    )


def test_failed_runs_are_not_counted() -> None:
    assert quota_of([a_run(Outcome.FAILED)] * 9, NOW, unlimited=False).left == 3


def test_runs_of_other_months_are_not_counted() -> None:
    others = [
        a_run(asked_at=NEW_YEAR),
        a_run(asked_at=datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC)),
        a_run(asked_at=datetime(2025, 12, 15, tzinfo=UTC)),
    ]

    assert quota_of(others, NOW, unlimited=False).left == 3


def test_with_the_feature_any_number_is_allowed() -> None:
    quota = quota_of([a_run()] * 99, NOW, unlimited=True)

    assert quota.left is None
    assert quota.refusal is None


@pytest.mark.parametrize(
    ("moment", "begins", "ends"),
    [
        ("2026-11-01T00:00:00+00:00", "2026-11-01", "2026-12-01"),
        ("2026-12-31T23:59:59+00:00", "2026-12-01", "2027-01-01"),
        ("2027-01-01T00:30:00+01:00", "2026-12-01", "2027-01-01"),
        ("2028-02-29T12:00:00+00:00", "2028-02-01", "2028-03-01"),
    ],
)
def test_a_month_is_a_calendar_month_in_utc(moment: str, begins: str, ends: str) -> None:
    found = month_of(datetime.fromisoformat(moment))

    assert [f"{one:%Y-%m-%d}" for one in found] == [begins, ends]


moments = st.integers(0, 400 * 24).map(lambda hours: NOW + timedelta(hours=hours))


@given(moments)
def test_every_instant_is_in_its_month_and_months_follow_without_a_gap(moment: datetime) -> None:
    begins, ends = month_of(moment)

    assert begins <= moment < ends
    assert month_of(ends)[0] == ends


@given(st.lists(st.builds(a_run, st.sampled_from(Outcome), moments), max_size=8), moments)
def test_a_run_more_never_leaves_more_and_a_failed_one_changes_nothing(
    runs: list[Run], now: datetime
) -> None:
    left = quota_of(runs, now, unlimited=False).left

    assert left is not None
    assert 0 <= left <= 3
    more = quota_of([*runs, a_run(asked_at=now)], now, unlimited=False).left
    assert more == max(0, left - 1)
    assert quota_of([*runs, a_run(Outcome.FAILED, now)], now, unlimited=False).left == left
