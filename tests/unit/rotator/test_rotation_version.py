"""Whose version a place holds, and what somebody else wrote."""

import pytest

from services.rotator.domain.rotation import Rotation
from services.rotator.domain.state import State
from services.rotator.domain.version import Holding, Version, holding, strangers
from tests.support.saga.values import OTHER, a_place, a_rotation, a_version, ours, reverted

BASE = a_version("v0")
PLACE = a_place(base_version="v0")
ROTATION = a_rotation(State.PUBLISHED, places=[PLACE], attempt=1, new_key_id="k5")
ANOTHERS = a_rotation(State.PUBLISHED, id=OTHER)


@pytest.mark.parametrize(
    ("newest", "whose"),
    [
        (BASE, Holding.BASE),
        (ours(ROTATION, "v1", "k5"), Holding.OURS),
        (ours(ROTATION, "v1", "k4"), Holding.OTHER_ATTEMPT),
        (reverted(ROTATION, "v2"), Holding.REVERTED),
        (a_version("v3"), Holding.FOREIGN),
        (ours(ANOTHERS, "v4", "k5"), Holding.FOREIGN),
        (reverted(ANOTHERS, "v4"), Holding.FOREIGN),
        (None, Holding.FOREIGN),
    ],
)
def test_a_places_newest_version_is_somebodys(newest: Version | None, whose: Holding) -> None:
    assert holding(ROTATION, PLACE, newest) is whose


def test_a_place_that_was_empty_still_is() -> None:
    empty = a_place()

    assert holding(ROTATION, empty, None) is Holding.BASE
    assert holding(ROTATION, empty, a_version("v1")) is Holding.FOREIGN


@pytest.mark.parametrize(
    ("text", "attempt"), [("3", 3), ("", 0), ("-1", 0), ("x", 0), ("²", 0), ("1.5", 0)]
)
def test_an_attempt_that_cannot_be_read_is_none(text: str, attempt: int) -> None:
    assert a_version("v1", {"cc-attempt": text}).attempt == attempt
    assert a_version("v1").key_id is None


def found(rotation: Rotation, *versions: Version) -> list[str]:
    return [each.id for each in strangers(rotation, rotation.places[0], versions)]


def test_a_version_of_somebody_else_is_found_whether_it_is_the_newest_or_not() -> None:
    theirs = a_version("v1", minutes=1)

    assert found(ROTATION, BASE, theirs) == ["v1"]
    assert found(ROTATION, BASE, theirs, ours(ROTATION, "v2", "k5", 2)) == ["v1"]
    assert found(ROTATION, BASE, theirs, reverted(ROTATION, "v2")) == ["v1"]
    assert found(ROTATION, BASE, ours(ANOTHERS, "v3", "k5")) == ["v3"]


def test_our_own_versions_and_those_before_us_are_nobody_elses() -> None:
    older = a_version("a", minutes=-1)
    same_second = a_version("b")

    mine = (ours(ROTATION, "v1", "k4"), ours(ROTATION, "v2", "k5"), reverted(ROTATION, "v3"))

    assert found(ROTATION, older, same_second, BASE, *mine) == []


def test_in_a_place_that_was_empty_everything_else_is_somebody_elses() -> None:
    empty = a_rotation(State.PUBLISHED, places=[a_place()])

    assert found(empty, a_version("v1", minutes=-9), ours(empty, "v2", "k5")) == ["v1"]
