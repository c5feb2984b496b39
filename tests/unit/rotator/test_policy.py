"""A policy that works against itself is refused; due times are the same for every replica."""

import re
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from services.rotator.domain.policy import (
    DEFAULT_LIFETIME,
    DEFAULT_OVERLAP,
    JITTER,
    Policy,
    due_at,
    end_of,
)
from shared.selector import SelectorError
from tests.unit.rotator.policy_values import DAY, HOUR, ID, NOW, a_policy, a_window, moments

SECOND = timedelta(seconds=1)


def test_the_defaults_are_ninety_days_and_two_with_a_month_to_spare() -> None:
    policy = a_policy()

    assert (policy.lifetime, policy.overlap) == (90 * DAY, 48 * HOUR)
    assert (DEFAULT_LIFETIME, DEFAULT_OVERLAP) == (90 * DAY, 48 * HOUR)
    assert policy.lead == 30 * DAY
    assert (policy.shortest_lead, policy.longest_lead) == (27 * DAY, 33 * DAY)


@pytest.mark.parametrize(
    ("lifetime", "lead"), [(30, 10 * DAY), (89, 89 * DAY / 3), (90, 30 * DAY), (730, 30 * DAY)]
)
def test_by_default_a_credential_is_replaced_a_third_of_its_lifetime_before_its_end(
    lifetime: int, lead: timedelta
) -> None:
    assert a_policy(lifetime=lifetime * DAY).lead == lead


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": " "}, "Name the policy, in 1 to 100 characters."),
        ({"name": "x" * 101}, "Name the policy, in 1 to 100 characters."),
        ({"selector": " "}, "Say which credentials are meant; “name:*” means all of them."),
        (
            {"windows": (a_window(),) * 21},
            "A policy has 20 windows at most; join some of them.",
        ),
        ({"lifetime": 23 * HOUR}, "The lifetime is 24 hours to 730 days, not 23 hours."),
        ({"lifetime": 731 * DAY}, "The lifetime is 24 hours to 730 days, not 731 days."),
        (
            {"overlap": 59 * timedelta(minutes=1)},
            "The overlap is 1 hour to 90 days, not 59 minutes; only an emergency has none.",
        ),
        (
            {"overlap": 91 * DAY},
            "The overlap is 1 hour to 90 days, not 91 days; only an emergency has none.",
        ),
        (
            {"rotate_before": 46 * DAY},
            (
                "Rotating 46 days before the end would replace credentials in the first half of"
                " their 90 days; rotate later or let them live longer."
            ),
        ),
        (
            {"rotate_before": 2 * DAY},
            (
                "Rotated 48 hours before its end a credential would not outlive the overlap of 48"
                " hours; rotate earlier or shorten the overlap (jitter takes 10%)."
            ),
        ),
        (
            {"lifetime": DAY},
            (
                "Rotated 8 hours before its end a credential would not outlive the overlap of 48"
                " hours; rotate earlier or shorten the overlap (jitter takes 10%)."
            ),
        ),
    ],
)
def test_what_is_out_of_bounds_is_refused_with_a_sentence(
    changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        a_policy(**changes)


def test_a_selector_that_cannot_be_read_is_refused_with_its_place() -> None:
    with pytest.raises(SelectorError, match="At character 1"):
        a_policy(selector="nonsense")


@pytest.mark.parametrize(
    ("lifetime", "overlap"),
    [(DAY, HOUR), (730 * DAY, HOUR), (730 * DAY, 27 * DAY), (6 * DAY, 43 * HOUR)],
)
def test_bounds_themselves_are_allowed(lifetime: timedelta, overlap: timedelta) -> None:
    assert a_policy(lifetime=lifetime, overlap=overlap).lifetime == lifetime


def test_the_longest_overlap_is_allowed_where_the_lead_is_long_enough() -> None:
    policy = a_policy(lifetime=730 * DAY, overlap=90 * DAY, rotate_before=100 * DAY)

    assert policy.shortest_lead == policy.overlap


@pytest.mark.parametrize(
    ("created_on", "expires_on", "end"),
    [
        (NOW, NOW + 200 * DAY, NOW + 90 * DAY),
        (NOW, NOW + 60 * DAY, NOW + 60 * DAY),
        (None, NOW + 60 * DAY, NOW + 60 * DAY),
        (NOW, None, NOW + 90 * DAY),
        (None, None, None),
    ],
)
def test_a_credential_ends_by_its_own_date_or_by_the_policy_whichever_is_sooner(
    created_on: datetime | None, expires_on: datetime | None, end: datetime | None
) -> None:
    assert end_of(a_policy(), created_on=created_on, expires_on=expires_on) == end


def test_without_any_date_nothing_is_due() -> None:
    assert due_at(a_policy(), credential_id=ID, created_on=None, expires_on=None) is None


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    lifetime = draw(st.integers(1, 730)) * DAY
    lead = draw(st.none() | st.integers(1, 24 * 365).map(lambda hours: hours * HOUR))
    overlap = draw(st.integers(1, 24 * 90)) * HOUR
    try:
        return a_policy(lifetime=lifetime, rotate_before=lead, overlap=overlap)
    except ValueError:
        return a_policy(lifetime=lifetime, overlap=min(HOUR, lifetime))


@given(policies(), st.uuids(), moments)
def test_jitter_moves_the_due_time_by_a_tenth_of_the_lead_at_most(
    policy: Policy, credential_id: UUID, expires_on: datetime
) -> None:
    due = due_at(policy, credential_id=credential_id, created_on=None, expires_on=expires_on)

    assert due is not None
    assert abs(due - (expires_on - policy.lead)) <= policy.lead * JITTER + SECOND
    assert due == due_at(
        policy, credential_id=credential_id, created_on=None, expires_on=expires_on
    )


@given(policies(), st.uuids(), moments)
def test_when_it_is_due_a_credential_has_the_overlap_left_and_half_its_life_behind_it(
    policy: Policy, credential_id: UUID, created_on: datetime
) -> None:
    due = due_at(policy, credential_id=credential_id, created_on=created_on, expires_on=None)

    assert due is not None
    assert created_on + policy.lifetime - due >= policy.overlap - SECOND
    assert due - created_on >= policy.overlap - SECOND


@given(st.uuids(), st.uuids(), moments)
def test_credentials_that_end_together_are_not_rotated_together(
    one: UUID, other: UUID, expires_on: datetime
) -> None:
    assume(one != other)
    due = [
        due_at(a_policy(), credential_id=each, created_on=None, expires_on=expires_on)
        for each in (one, other)
    ]

    assert due[0] != due[1]
