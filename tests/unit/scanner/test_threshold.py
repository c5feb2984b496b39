"""The ladder: each step of an expiry is announced once, the nearest first, for the newest only."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scanner.domain.inventory import Item, ItemKind
from services.scanner.domain.threshold import (
    LADDER,
    Decision,
    decide,
    first_look,
    is_newest,
    ladder,
)
from tests.support.scanner import DAY, NOW, a_credential, an_item

SECOND = timedelta(seconds=1)


def decided(item: Item, now: datetime = NOW, recorded: frozenset[int] = frozenset()) -> Decision:
    return decide(item, siblings=[], recorded=recorded, now=now)


@pytest.mark.parametrize("step", LADDER)
def test_a_step_is_crossed_at_its_instant_and_not_a_second_before(step: int) -> None:
    item = an_item(expires_on=NOW + step * DAY)

    assert decided(item).announce == step
    assert decided(item, NOW - SECOND).announce != step


def test_a_first_look_announces_the_nearest_step_and_passes_the_earlier_ones() -> None:
    decision = decided(an_item(expires_on=NOW + 5 * DAY))

    assert decision.announce == 7
    assert decision.passed == (60, 30, 14)
    assert decision.look_at == NOW + 2 * DAY


def test_a_recorded_step_is_not_announced_again() -> None:
    decision = decided(an_item(expires_on=NOW + 5 * DAY), recorded=frozenset({60, 30, 14, 7}))

    assert decision == Decision(look_at=NOW + 2 * DAY)


def test_a_step_that_was_passed_does_not_come_back_when_the_clock_does() -> None:
    item = an_item(expires_on=NOW + 5 * DAY)
    recorded = frozenset({60, 30, 14, 7, 3})

    assert decided(item, recorded=recorded).announce is None


def test_after_the_last_step_there_is_nothing_to_look_at() -> None:
    assert decided(an_item(expires_on=NOW - DAY)) == Decision(
        announce=0, passed=(60, 30, 14, 7, 3, 1), look_at=None
    )


def test_before_the_first_step_the_item_is_looked_at_when_it_comes() -> None:
    item = an_item(expires_on=NOW + 100 * DAY)

    assert decided(item) == Decision(look_at=NOW + 40 * DAY)
    assert first_look(item) == NOW + 40 * DAY


@pytest.mark.parametrize(
    "attributes",
    [
        {"enabled": False, "expires_on": NOW},
        {"managed": True, "expires_on": NOW},
        {"expires_on": None},
    ],
)
def test_disabled_managed_and_endless_items_are_never_announced(attributes: dict[str, Any]) -> None:
    item = an_item(**attributes)

    assert decided(item) == Decision()
    assert first_look(item) is None


def test_an_item_that_is_not_active_yet_is_looked_at_when_it_is() -> None:
    item = an_item(expires_on=NOW + 5 * DAY, not_before=NOW + DAY)

    assert decided(item) == Decision(look_at=NOW + DAY)
    assert first_look(item) == NOW + DAY
    assert decided(item, NOW + DAY).announce == 7


def test_only_the_newest_usable_credential_is_announced() -> None:
    old = a_credential("old", expires_on=NOW + 5 * DAY)
    new = a_credential("new", not_before=NOW - DAY, expires_on=NOW + 300 * DAY)

    assert decide(old, siblings=[old, new], recorded=set(), now=NOW).announce is None
    assert decide(old, siblings=[old], recorded=set(), now=NOW).announce == 7


@pytest.mark.parametrize(
    "useless", [{"enabled": False}, {"not_before": NOW + DAY}], ids=["disabled", "not active yet"]
)
def test_a_successor_that_cannot_be_used_silences_nobody(useless: dict[str, Any]) -> None:
    old = a_credential("old", expires_on=NOW + 5 * DAY)
    new = a_credential("new", **{"not_before": NOW, "expires_on": NOW + 300 * DAY, **useless})

    assert decide(old, siblings=[old, new], recorded=set(), now=NOW).announce == 7


def test_of_two_credentials_with_the_same_start_the_one_that_lives_longer_is_newer() -> None:
    endless = a_credential("a", expires_on=None)
    short = a_credential("b", expires_on=NOW + DAY)
    undated = a_credential("c", not_before=None, created_on=None)

    assert is_newest(endless, [endless, short], NOW)
    assert not is_newest(short, [endless, short], NOW)
    assert not is_newest(undated, [undated, short], NOW)


def test_a_short_lived_certificate_has_the_steps_of_its_warning_window() -> None:
    item = an_item(kind=ItemKind.CERTIFICATE, not_before=NOW, expires_on=NOW + 47 * DAY)

    assert ladder(item) == (14, 7, 3, 1, 0)
    assert first_look(item) == NOW + 33 * DAY


def test_what_never_expires_has_no_ladder() -> None:
    assert ladder(an_item()) == ()


@given(
    lifetime=st.integers(-5, 120),
    looks=st.lists(st.timedeltas(-10 * DAY, 130 * DAY), min_size=1, max_size=12),
    in_order=st.booleans(),
)
def test_whatever_the_clock_does_no_step_is_announced_twice_and_the_last_one_always_is(
    lifetime: int, looks: list[timedelta], in_order: bool
) -> None:
    item = an_item(expires_on=NOW + lifetime * DAY)
    recorded: set[int] = set()
    announced: list[int] = []
    for moment in [NOW + delta for delta in (sorted(looks) if in_order else looks)]:
        decision = decide(item, siblings=[], recorded=recorded, now=moment)
        assert decision.look_at is None or decision.look_at > moment
        if decision.announce is not None:
            announced.append(decision.announce)
            recorded |= {decision.announce, *decision.passed}

    assert len(announced) == len(set(announced))
    assert announced == sorted(announced, reverse=True)
    latest = max(NOW + delta for delta in looks)
    assert (0 in announced) == (item.expires_on is not None and item.expires_on <= latest)
