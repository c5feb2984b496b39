"""The status rules: one word from the attributes, the time and two thresholds."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scanner.domain.inventory import ItemKind
from services.scanner.domain.status import (
    DEFAULT,
    Status,
    Thresholds,
    days_left,
    judge,
    short_lifetime,
    windows,
)
from tests.support.scanner import DAY, NOW, an_item

SECOND = timedelta(seconds=1)
moments = st.timedeltas(-400 * DAY, 400 * DAY).map(lambda delta: NOW + delta)


@pytest.mark.parametrize(
    ("attributes", "status"),
    [
        ({}, Status.NO_EXPIRY),
        ({"expires_on": NOW}, Status.EXPIRED),
        ({"expires_on": NOW + SECOND}, Status.CRITICAL),
        ({"expires_on": NOW + 7 * DAY - SECOND}, Status.CRITICAL),
        ({"expires_on": NOW + 7 * DAY}, Status.WARNING),
        ({"expires_on": NOW + 30 * DAY - SECOND}, Status.WARNING),
        ({"expires_on": NOW + 30 * DAY}, Status.HEALTHY),
        ({"expires_on": NOW - DAY, "not_before": NOW + SECOND}, Status.NOT_YET_ACTIVE),
        ({"not_before": NOW, "expires_on": NOW + 90 * DAY}, Status.HEALTHY),
        ({"enabled": False, "expires_on": NOW - DAY, "not_before": NOW + DAY}, Status.DISABLED),
    ],
)
def test_the_first_rule_that_applies_decides(attributes: dict[str, Any], status: Status) -> None:
    assert judge(an_item(**attributes), NOW) is status


@given(expires_on=moments)
def test_the_windows_say_the_same_as_the_days_that_are_left(expires_on: datetime) -> None:
    status = judge(an_item(expires_on=expires_on), NOW)

    left = days_left(expires_on, NOW)
    expected = (
        Status.EXPIRED
        if expires_on <= NOW
        else Status.CRITICAL
        if left < 7
        else Status.WARNING
        if left < 30
        else Status.HEALTHY
    )
    assert status is expected


@given(
    expires_on=moments,
    kind=st.sampled_from(ItemKind),
    lifetime=st.timedeltas(-DAY, 100 * DAY),
    managed=st.booleans(),
)
def test_windows_are_in_order_and_within_the_bounds_that_queries_rely_on(
    expires_on: datetime, kind: ItemKind, lifetime: timedelta, managed: bool
) -> None:
    item = an_item(
        kind=kind, managed=managed, created_on=expires_on - lifetime, expires_on=expires_on
    )
    found = windows(item)

    assert found is not None
    assert found.warning_at <= found.critical_at <= expires_on
    assert expires_on - found.warning_at <= 90 * DAY
    assert expires_on - found.critical_at <= 30 * DAY


@given(times=st.lists(moments, min_size=2, max_size=5), expires_on=moments)
def test_time_only_makes_an_item_worse(times: list[datetime], expires_on: datetime) -> None:
    order = list(Status)
    item = an_item(expires_on=expires_on)
    ranks = [-order.index(judge(item, now)) for now in sorted(times)]

    assert ranks == sorted(ranks)


@pytest.mark.parametrize(
    ("left", "status"),
    [(16 * DAY, Status.HEALTHY), (15 * DAY, Status.WARNING), (7 * DAY, Status.CRITICAL)],
)
@pytest.mark.parametrize(
    "what",
    [
        {"kind": ItemKind.CERTIFICATE},
        {"kind": ItemKind.APP_CERTIFICATE},
        {"kind": ItemKind.SECRET, "managed": True},
    ],
)
def test_a_47_day_certificate_is_judged_by_the_share_of_its_life_that_is_left(
    what: dict[str, Any], left: timedelta, status: Status
) -> None:
    item = an_item(**what, not_before=NOW + left - 47 * DAY, expires_on=NOW + left)

    assert judge(item, NOW) is status


def test_a_secret_that_lives_47_days_is_judged_by_days() -> None:
    item = an_item(not_before=NOW - 27 * DAY, expires_on=NOW + 20 * DAY)

    assert judge(item, NOW) is Status.WARNING


@pytest.mark.parametrize(
    "times",
    [
        {"created_on": None, "expires_on": NOW},
        {"created_on": NOW},
        {"created_on": NOW, "expires_on": NOW},
        {"created_on": NOW, "expires_on": NOW + 60 * DAY + SECOND},
    ],
)
def test_a_certificate_of_unknown_or_long_lifetime_is_judged_by_days(times: dict[str, Any]) -> None:
    assert short_lifetime(an_item(kind=ItemKind.CERTIFICATE, **times)) is None


def test_what_never_expires_has_no_windows() -> None:
    assert windows(an_item()) is None


@pytest.mark.parametrize(
    ("expires_on", "left"),
    [(NOW, 0), (NOW - SECOND, -1), (NOW + DAY - SECOND, 0), (NOW + DAY, 1)],
)
def test_days_left_are_rounded_down(expires_on: datetime, left: int) -> None:
    assert days_left(expires_on, NOW) == left


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"warning_days": 7, "critical_days": 7}, "must be longer"),
        ({"critical_days": 0}, "at least 1"),
        ({"warning_days": 91}, "90 days at most"),
        ({"warning_days": 60, "critical_days": 31}, "30 days at most"),
        ({"warning_percent": 15}, "greater than the critical"),
        ({"critical_percent": 0}, "between"),
        ({"warning_percent": 100}, "between"),
        ({"short_lifetime_days": 91}, "short lifetime"),
        ({"short_lifetime_days": -1}, "short lifetime"),
    ],
)
def test_thresholds_out_of_order_are_refused_with_a_sentence(
    changes: dict[str, int], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        Thresholds(**changes)


def test_other_thresholds_move_the_windows() -> None:
    item = an_item(expires_on=NOW + 40 * DAY)

    assert judge(item, NOW, DEFAULT) is Status.HEALTHY
    assert judge(item, NOW, Thresholds(warning_days=45)) is Status.WARNING
