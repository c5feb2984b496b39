"""What comes next for a credential: decided from what there is, and explained."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.rotator.domain.outlook import Ended, Looked, Outlook, Span, look, trigger
from services.rotator.domain.timing import Timeliness
from tests.unit.rotator.described_values import a_place, described
from tests.unit.rotator.policy_values import DAY, HOUR, ID, NOW, a_freeze, a_policy

KEY = "key-1"
POLICY = a_policy(rotate_before=20 * DAY)


def a_look(
    created: timedelta | None = -80 * DAY, ends: timedelta | None = 10 * DAY, **c: Any
) -> Looked:
    span = Span(
        created_on=None if created is None else NOW + created,
        expires_on=None if ends is None else NOW + ends,
    )
    given: dict[str, Any] = {
        "credential_id": ID,
        "key_id": KEY,
        "described": described(a_place()),
        "span": span,
    }
    return Looked(**given | c)


def the_outlook(looked: Looked, *, licensed: bool = True, **policy: Any) -> Outlook:
    return look(
        looked, [a_policy(rotate_before=20 * DAY, **policy)], [], now=NOW, licensed=licensed
    )


def test_what_is_due_begins() -> None:
    found = the_outlook(a_look())

    assert found.begins
    assert found.warning is None
    assert found.ends_at == NOW + 10 * DAY


def test_where_no_policy_decides_nothing_comes_next() -> None:
    found = the_outlook(a_look(), selector="kind:key")

    assert found == Outlook(policy=None, reason="No policy means this credential.")


def test_while_one_is_under_way_nothing_comes_next() -> None:
    found = the_outlook(a_look(rotating=True))

    assert (found.reason, found.timing) == ("A rotation is under way.", None)


def test_without_a_licence_what_is_due_waits_and_says_so() -> None:
    found = the_outlook(a_look(), licensed=False)

    assert not found.begins
    assert found.timing is not None
    assert found.warning is not None
    assert "licence" in found.warning


def test_without_a_licence_what_is_not_due_is_shown_as_ever() -> None:
    later = a_look(ends=60 * DAY, created=-10 * DAY)

    assert the_outlook(later, licensed=False) == the_outlook(later)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"key_id": None}, "Which credential is in use is not known"),
        ({"span": None}, "The inventory has no credential key-1"),
        ({"created": None, "ends": None}, "Neither when it was made nor when it ends is known"),
    ],
)
def test_what_is_not_known_is_not_guessed(changes: dict[str, Any], words: str) -> None:
    found = the_outlook(a_look(**changes))

    assert found.timing is None
    assert not found.begins
    assert found.warning is not None
    assert words in found.warning


@pytest.mark.parametrize("reason", ["The vault was locked.", None])
def test_what_the_policy_tried_once_is_left_to_people(reason: str | None) -> None:
    ended = {trigger(POLICY, ID, KEY): Ended(state="abandoned", reason=reason)}

    found = the_outlook(a_look(ended=ended))

    assert not found.begins
    assert found.warning is not None
    assert found.warning.startswith("The policy's rotation of this credential ended in abandoned")
    assert found.warning.endswith(reason or "rotate it by hand.")


def test_what_was_tried_with_a_former_credential_does_not_count() -> None:
    ended = {trigger(POLICY, ID, "key-0"): Ended(state="abandoned", reason=None)}

    assert the_outlook(a_look(ended=ended)).begins


def test_a_short_lived_credential_is_not_replaced_in_the_first_half_of_its_life() -> None:
    """A tenant that caps lifetimes below the policy's lead would have it rotated for ever."""
    young = the_outlook(a_look(created=timedelta(), ends=18 * DAY))

    assert not young.begins
    assert young.timing is not None
    assert young.timing.at == NOW + 9 * DAY
    assert the_outlook(a_look(created=-10 * DAY, ends=8 * DAY)).begins


def test_even_then_the_overlap_fits_in() -> None:
    found = the_outlook(a_look(created=timedelta(), ends=3 * DAY))

    assert found.timing is not None
    assert found.timing.at == NOW + DAY
    assert found.timing.timeliness is Timeliness.IN_TIME


def test_an_end_before_the_beginning_is_no_life_to_halve() -> None:
    assert the_outlook(a_look(created=timedelta(), ends=-DAY)).begins


def test_people_are_told_of_what_comes_soon_and_of_all_trouble() -> None:
    soon = the_outlook(a_look(created=-60 * DAY, ends=25 * DAY))
    assert soon.timing is not None
    assert soon.is_told(soon.timing.at - 7 * DAY, 7 * DAY)
    assert not soon.is_told(soon.timing.at - 7 * DAY - HOUR, 7 * DAY)

    late = look(a_look(), [POLICY], [a_freeze(NOW, 20 * DAY)], now=NOW, licensed=True)
    assert late.timing is not None
    assert late.timing.timeliness is Timeliness.LATE
    assert late.is_told(NOW, timedelta())


def test_what_begins_in_time_at_this_moment_and_what_never_comes_is_not_announced() -> None:
    assert not the_outlook(a_look()).is_told(NOW, 90 * DAY)
    assert not the_outlook(a_look(span=None)).is_told(NOW, 90 * DAY)


@given(
    st.integers(-400, 400).map(lambda days: NOW + timedelta(days=days)),
    st.integers(1, 800).map(lambda days: timedelta(days=days)),
)
def test_a_look_at_the_announced_time_begins_what_was_announced(
    created: datetime, lives: timedelta
) -> None:
    looked = a_look(span=Span(created_on=created, expires_on=created + lives))
    found = look(looked, [POLICY], [], now=NOW, licensed=True)
    assert found.timing is not None

    then = look(looked, [POLICY], [], now=max(NOW, found.timing.at), licensed=True)

    assert then.begins
