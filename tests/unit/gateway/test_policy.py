"""What the API accepts of a policy or a freeze the rotator accepts, and the other way round."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.domain.policy import (
    Opening,
    Terms,
    refusal_of_freeze,
    refusal_of_terms,
)
from services.rotator.domain.freeze import Freeze
from services.rotator.domain.policy import Policy
from services.rotator.domain.window import Window
from shared.cron import Recurrence

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def terms(**changes: Any) -> Terms:
    given: dict[str, Any] = {
        "name": "passwords",
        "selector": "kind:app_secret",
        "priority": 100,
        "rotate_before_days": None,
        "lifetime_days": 90,
        "overlap_seconds": 172_800,
        "windows": (),
        "requires_approval": False,
        "enabled": True,
    }
    return Terms(**given | changes)


def rotator_accepts(wanted: Terms) -> bool:
    lead = wanted.rotate_before_days
    try:
        Policy(
            id=UUID(int=1),
            name=wanted.name,
            selector=wanted.selector,
            rotate_before=None if lead is None else lead * DAY,
            lifetime=wanted.lifetime_days * DAY,
            overlap=timedelta(seconds=wanted.overlap_seconds),
            windows=tuple(
                Window(
                    opens=Recurrence(each.opens, each.time_zone),
                    lasts=timedelta(minutes=each.lasts_minutes),
                )
                for each in wanted.windows
            ),
        )
    except ValueError:
        return False
    return True


openings = st.builds(
    Opening,
    opens=st.sampled_from(["0 2 * * *", "daily", "0 0 31 2 *"]),
    time_zone=st.sampled_from(["UTC", "Europe/Berlin", "Mars"]),
    lasts_minutes=st.sampled_from([14, 15, 240, 10_080, 10_081]),
)


@given(
    st.builds(
        terms,
        name=st.sampled_from(["passwords", " ", "x" * 100, "x" * 101]),
        selector=st.sampled_from(["kind:app_secret", "", "colour:red", "name:*"]),
        rotate_before_days=st.none() | st.integers(1, 100),
        lifetime_days=st.integers(-1, 800),
        overlap_seconds=st.sampled_from([0, 3599, 3600, 172_800, 7_776_000, 7_776_001]),
        windows=st.lists(openings, max_size=2).map(tuple)
        | st.just((Opening(opens="0 2 * * *", time_zone="UTC", lasts_minutes=60),) * 21),
    )
)
def test_both_accept_the_same_policies(wanted: Terms) -> None:
    assert (refusal_of_terms(wanted, floor=0) is None) == rotator_accepts(wanted)


@given(st.integers(1, 730), st.none() | st.integers(1, 365), st.integers(3600, 90 * 86_400))
def test_both_accept_the_same_spans(lifetime: int, before: int | None, overlap: int) -> None:
    wanted = terms(lifetime_days=lifetime, rotate_before_days=before, overlap_seconds=overlap)

    assert (refusal_of_terms(wanted, floor=0) is None) == rotator_accepts(wanted)


def test_the_shortest_overlap_is_a_setting() -> None:
    wanted = terms(overlap_seconds=7200)

    assert refusal_of_terms(wanted, floor=7200) is None
    refusal = refusal_of_terms(wanted, floor=7201)
    assert refusal is not None
    assert (refusal.field, "7201" in refusal.sentence) == ("overlap_seconds", True)


@pytest.mark.parametrize(
    ("starts", "ends", "reason", "field"),
    [
        (0, 1, "audit", None),
        (-1, 366, "x" * 200, "ends_at"),
        (0, 366, "x" * 200, None),
        (1, 1, "audit", "ends_at"),
        (-2, -1, "audit", "ends_at"),
        (0, 1, " ", "reason"),
        (0, 1, "x" * 201, "reason"),
    ],
)
def test_both_accept_the_same_freezes_but_none_that_is_over(
    starts: int, ends: int, reason: str, field: str | None
) -> None:
    begin, end = NOW + starts * DAY, NOW + ends * DAY
    refusal = refusal_of_freeze(begin, end, reason, NOW)

    assert (refusal.field if refusal else None) == field
    if refusal is None:
        assert Freeze(starts_at=begin, ends_at=end, reason=reason)
    elif ends >= 0:
        with pytest.raises(ValueError, match=r"."):
            Freeze(starts_at=begin, ends_at=end, reason=reason)
