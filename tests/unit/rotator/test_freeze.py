"""Nothing begins in a freeze, and every freeze ends."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.rotator.domain.freeze import Freeze, holding, thawed
from tests.unit.rotator.policy_values import DAY, HOUR, NOW, a_freeze, freezes, moments


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"ends_at": NOW}, "A freeze ends after it starts; swap the two times or correct one."),
        (
            {"ends_at": NOW + 367 * DAY},
            (
                "A freeze lasts 366 days at most, because credentials go on expiring; disable the"
                " policy or pause rotations instead."
            ),
        ),
        ({"reason": " "}, "Say why, in 1 to 200 characters."),
        ({"reason": "x" * 201}, "Say why, in 1 to 200 characters."),
        (
            {"starts_at": NOW.replace(tzinfo=None)},
            "Give both ends of the freeze with their time zone, such as Z for UTC.",
        ),
        (
            {"ends_at": (NOW + DAY).replace(tzinfo=None)},
            "Give both ends of the freeze with their time zone, such as Z for UTC.",
        ),
    ],
)
def test_a_freeze_that_makes_no_sense_is_refused(changes: dict[str, Any], sentence: str) -> None:
    given_ = {"starts_at": NOW, "ends_at": NOW + DAY, "reason": "release"}

    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        Freeze(**given_ | changes)


def test_a_freeze_holds_from_its_start_until_right_before_its_end() -> None:
    freeze = a_freeze(NOW, HOUR)

    assert not freeze.holds(NOW - timedelta(microseconds=1))
    assert freeze.holds(NOW)
    assert freeze.holds(NOW + HOUR - timedelta(microseconds=1))
    assert not freeze.holds(NOW + HOUR)


def test_of_several_freezes_the_one_that_ends_last_is_named() -> None:
    short, long = a_freeze(NOW, HOUR, "short"), a_freeze(NOW, DAY, "long")

    assert holding(NOW, [long, short]) == long
    assert holding(NOW - HOUR, [long, short]) is None


@given(moments, st.lists(freezes, max_size=6))
def test_what_is_thawed_is_the_first_instant_outside_all_freezes(
    moment: datetime, calendar: list[Freeze]
) -> None:
    free = thawed(moment, calendar)

    assert holding(free, calendar) is None
    step = moment
    while step < free:
        freeze = holding(step, calendar)
        assert freeze is not None
        step = freeze.ends_at
    assert step == free
