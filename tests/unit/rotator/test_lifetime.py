"""A new credential outlives its use; a tenant that allows too little is told so."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.rotator.domain.lifetime import (
    CLOCK_MARGIN,
    Lifetime,
    LifetimeError,
    ends_at,
    grace_of,
    lifetime_of,
)
from services.rotator.domain.policy import due_at
from tests.unit.rotator.policy_values import DAY, HOUR, ID, NOW, a_policy

OVERLAP = 48 * HOUR
SECOND = timedelta(seconds=1)


def test_a_credential_lives_for_its_interval_its_overlap_and_a_grace() -> None:
    assert lifetime_of(a_policy(), OVERLAP, None) == Lifetime(length=(90 + 2 + 45) * DAY)


@pytest.mark.parametrize(("interval", "grace"), [(1, 14), (28, 14), (30, 15), (730, 365)])
def test_the_grace_is_two_weeks_or_half_the_interval_whichever_is_longer(
    interval: int, grace: int
) -> None:
    assert grace_of(interval * DAY) == grace * DAY


def test_a_tenant_that_allows_more_changes_nothing() -> None:
    assert lifetime_of(a_policy(), OVERLAP, 200 * DAY).capped is None
    assert lifetime_of(a_policy(), OVERLAP, 137 * DAY + CLOCK_MARGIN).capped is None


def test_a_tenants_limit_takes_from_the_grace_and_says_so() -> None:
    assert lifetime_of(a_policy(), OVERLAP, 90 * DAY) == Lifetime(
        length=90 * DAY - CLOCK_MARGIN,
        capped="The tenant lets a password live for 90 days at most instead of the 137 days that"
        " the policy “passwords” asks for.",
    )


def test_a_limit_that_leaves_less_than_the_overlap_and_the_lead_is_refused() -> None:
    with pytest.raises(LifetimeError) as refused:
        lifetime_of(a_policy(), OVERLAP, 35 * DAY)

    assert str(refused.value) == (
        "The tenant lets a password live for 35 days at most, and the policy “passwords” needs more"
        " than 35 days: its overlap of 48 hours and up to 33 days before the end. Shorten those, or"
        " raise maxLifetime in the tenant's app management policy."
    )
    assert lifetime_of(a_policy(), OVERLAP, 35 * DAY + CLOCK_MARGIN).length == 35 * DAY


def test_an_end_is_written_in_whole_seconds() -> None:
    found = ends_at(Lifetime(length=DAY), NOW + timedelta(microseconds=7))

    assert found == NOW + DAY


days = st.integers(1, 730).map(lambda number: number * DAY)


@given(days, st.integers(1, 24 * 90).map(lambda hours: hours * HOUR), st.none() | days)
def test_a_successor_is_never_due_before_the_overlap_has_passed_nor_an_end_over_the_limit(
    interval: timedelta, overlap: timedelta, tenant_max: timedelta | None
) -> None:
    policy = a_policy(lifetime=interval, overlap=HOUR)
    try:
        lifetime = lifetime_of(policy, overlap, tenant_max)
    except LifetimeError:
        assert tenant_max is not None
        assert tenant_max - CLOCK_MARGIN < overlap + policy.longest_lead
        return
    end = ends_at(lifetime, NOW)
    due = due_at(policy, credential_id=ID, created_on=None, expires_on=end)

    assert due is not None
    assert due >= NOW + overlap - SECOND
    assert tenant_max is None or end - NOW < tenant_max
    if lifetime.capped is None:
        assert end >= NOW + interval + overlap + 14 * DAY
