"""The evaluation: 30 days of everything, then no new rotations and syncs."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.licensing.domain.evaluation import begin, granted, is_news
from shared.events.licensing import LicenseState
from shared.features import Feature

START = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("days", "state"),
    [
        (0, LicenseState.EVALUATION),
        (29.99, LicenseState.EVALUATION),
        (30, LicenseState.RESTRICTED),
        (400, LicenseState.RESTRICTED),
    ],
)
def test_the_evaluation_lasts_thirty_days(days: float, state: LicenseState) -> None:
    grant = granted(begin(START), START + timedelta(days=days))

    assert grant.state is state
    assert grant.valid_until == START + timedelta(days=30)


def test_after_it_only_new_rotations_and_syncs_are_blocked() -> None:
    during = granted(begin(START), START)
    after = granted(begin(START), START + timedelta(days=31))

    assert set(during.features) == set(Feature)
    assert set(during.features) - set(after.features) == {Feature.ROTATION, Feature.SYNC}


@given(st.integers(-4000, 4000))
def test_turning_the_clock_back_does_not_begin_it_again(days: int) -> None:
    over = replace(begin(START), announced=LicenseState.RESTRICTED)

    assert granted(over, START + timedelta(days=days)).state is LicenseState.RESTRICTED


def test_a_state_is_news_once() -> None:
    fresh = begin(START)
    grant = granted(fresh, START)

    assert is_news(fresh, grant)
    assert not is_news(replace(fresh, announced=grant.state), grant)
