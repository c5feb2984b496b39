"""A rotation that cannot come in time is brought forward, or says so; none is missed in silence."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.rotator.domain.timing import Timeliness, Timing, timing_of
from services.rotator.domain.window import Times
from tests.unit.rotator.policy_values import DAY, HOUR, NOW, a_freeze, a_window, moments, times

OVERLAP = 48 * HOUR
NIGHTLY = Times(windows=(a_window(),))
YEARLY = Times(windows=(a_window("0 2 1 1 *"),))


def the_timing(
    allowed: Times = NIGHTLY,
    *,
    due: datetime = NOW + 10 * DAY,
    ends_at: datetime = NOW + 40 * DAY,
    now: datetime = NOW,
) -> Timing:
    return timing_of(allowed, due=due, ends_at=ends_at, overlap=OVERLAP, now=now)


def test_a_rotation_comes_in_the_first_window_after_it_is_due() -> None:
    assert the_timing() == Timing(
        at=datetime(2026, 12, 4, 2, tzinfo=UTC), timeliness=Timeliness.IN_TIME
    )


def test_what_was_due_already_comes_in_the_next_window() -> None:
    found = the_timing(due=NOW - 10 * DAY)

    assert found.at == datetime(2026, 11, 24, 2, tzinfo=UTC)


def test_before_a_freeze_until_the_end_the_rotation_is_brought_forward_to_the_last_window() -> None:
    frozen = Times(
        windows=NIGHTLY.windows, freezes=(a_freeze(datetime(2026, 11, 30, tzinfo=UTC), 60 * DAY),)
    )

    found = the_timing(frozen)

    assert found == Timing(
        at=datetime(2026, 11, 29, 2, tzinfo=UTC),
        timeliness=Timeliness.BROUGHT_FORWARD,
        warning="Nothing is permitted between 2026-12-03 12:00 UTC, when it is due, and its end, so"
        " it is rotated early, on 2026-11-29 02:00 UTC.",
    )


def test_without_windows_the_rotation_is_brought_forward_to_the_last_quarter_of_an_hour() -> None:
    minute = timedelta(minutes=1)
    frozen = Times(freezes=(a_freeze(NOW + 18 * minute, 60 * DAY),))

    found = the_timing(frozen, due=NOW + 20 * minute)

    assert (found.at, found.timeliness) == (NOW + 15 * minute, Timeliness.BROUGHT_FORWARD)


def test_a_window_that_is_open_now_is_used_before_it_closes() -> None:
    now = datetime(2026, 1, 1, 3, tzinfo=UTC)

    found = the_timing(YEARLY, now=now, due=now + 10 * DAY, ends_at=now + 40 * DAY)

    assert (found.at, found.timeliness) == (now, Timeliness.BROUGHT_FORWARD)


def test_a_window_that_never_opens_before_the_end_is_reported() -> None:
    found = the_timing(YEARLY, ends_at=NOW + 20 * DAY)

    assert found == Timing(
        at=datetime(2027, 1, 1, 2, tzinfo=UTC),
        timeliness=Timeliness.LATE,
        warning="No rotation is permitted before its end on 2026-12-13 12:00 UTC; the first is on"
        " 2027-01-01 02:00 UTC. Open a window before, end the freeze, or rotate it now by hand.",
    )


def test_a_freeze_that_makes_a_rotation_late_is_named() -> None:
    found = the_timing(Times(freezes=(a_freeze(NOW, 60 * DAY, "audit"),)))

    assert found.timeliness is Timeliness.LATE
    assert found.warning is not None
    assert "before its end on 2027-01-02 12:00 UTC (frozen: audit);" in found.warning


def test_what_has_ended_already_says_so() -> None:
    found = the_timing(due=NOW - 40 * DAY, ends_at=NOW - 10 * DAY)

    assert found.timeliness is Timeliness.LATE
    assert found.warning == (
        "It ended on 2026-11-13 12:00 UTC: whoever uses it fails already. Rotate it now by hand, or"
        " wait until 2026-11-24 02:00 UTC."
    )


def test_a_rotation_that_leaves_less_than_the_overlap_says_so() -> None:
    found = the_timing(ends_at=NOW + 12 * DAY)

    assert found.timeliness is Timeliness.OVERLAP_CUT
    assert found.warning == (
        "Rotated on 2026-12-04 02:00 UTC it ends on 2026-12-05 12:00 UTC, before the overlap of 48"
        " hours has passed: whoever still uses it fails from then on."
    )


spans = st.integers(-30, 120).map(lambda days: timedelta(days=days))


@given(times, moments, spans, st.integers(0, 90).map(lambda days: timedelta(days=days)))
def test_every_beginning_is_permitted_and_every_trouble_has_a_sentence(
    allowed: Times, now: datetime, until_due: timedelta, lead: timedelta
) -> None:
    due, ends_at = now + until_due, now + until_due + lead
    found = the_timing(allowed, due=due, ends_at=ends_at, now=now)

    assert found.at >= now
    assert allowed.permits(found.at)
    assert (found.warning is None) == (found.timeliness is Timeliness.IN_TIME)
    if found.timeliness is Timeliness.IN_TIME:
        assert max(due, now) <= found.at <= ends_at - OVERLAP
    if found.timeliness is Timeliness.BROUGHT_FORWARD:
        assert found.at < due


@given(times, moments, spans, st.integers(0, 90).map(lambda days: timedelta(days=days)))
def test_a_rotation_is_late_only_if_no_instant_before_the_end_is_permitted(
    allowed: Times, now: datetime, until_due: timedelta, lead: timedelta
) -> None:
    due, ends_at = now + until_due, now + until_due + lead
    found = the_timing(allowed, due=due, ends_at=ends_at, now=now)

    assert (found.timeliness is Timeliness.LATE) == (allowed.next_permitted(now) >= ends_at)
