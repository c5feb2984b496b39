"""The overlap outlasts every consumer's cache, and says for whom it is longer."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.rotator.domain.overlap import Cache, Overlap, OverlapError, overlap_of
from services.rotator.domain.policy import LONGEST_OVERLAP
from tests.unit.rotator.policy_values import DAY, HOUR

spans = st.integers(1, 24 * 120).map(lambda hours: hours * HOUR)


def test_the_overlap_that_was_asked_for_is_used_where_it_is_long_enough() -> None:
    assert overlap_of(48 * HOUR, []) == Overlap(length=48 * HOUR)
    assert overlap_of(48 * HOUR, [Cache(consumer="web", keeps_for=48 * HOUR)]).raised is None


def test_a_consumer_that_keeps_values_longer_raises_it_and_is_named() -> None:
    caches = [Cache(consumer="web", keeps_for=24 * HOUR), Cache(consumer="jobs", keeps_for=7 * DAY)]

    assert overlap_of(48 * HOUR, caches) == Overlap(
        length=7 * DAY,
        raised="The overlap is 7 days instead of 48 hours, because “jobs” keeps a value for that"
        " long.",
    )


def test_a_consumer_that_keeps_values_longer_than_any_overlap_is_refused() -> None:
    with pytest.raises(OverlapError) as refused:
        overlap_of(48 * HOUR, [Cache(consumer="vm", keeps_for=91 * DAY)])

    assert str(refused.value) == (
        "“vm” keeps a value for 91 days, and an overlap is 90 days at most; let it read the secret"
        " more often, or restart it after each rotation and set its time accordingly."
    )


@given(spans, st.lists(spans, max_size=5))
def test_an_overlap_is_never_shorter_than_the_longest_cache(
    asked: timedelta, kept: list[timedelta]
) -> None:
    caches = [Cache(consumer="any", keeps_for=span) for span in kept]
    try:
        overlap = overlap_of(asked, caches)
    except OverlapError:
        assert max(kept) > LONGEST_OVERLAP
    else:
        assert overlap.length == max([asked, *kept])
        assert (overlap.raised is None) == (overlap.length == asked)
