"""Schedules: whatever clocks do and whoever looks, each time has one scan at most."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from services.scanner.domain.recurring import jitter, scan_id, turn
from shared.cron import Recurrence

SCHEDULE = UUID("5d0c2b7a-3e19-4f68-8a4b-7c9e1d2f3a05")
BEGIN = datetime(2026, 3, 28, 22, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
rules = st.sampled_from(
    [
        Recurrence("0 */6 * * *"),
        Recurrence("30 2 * * *", "Europe/Berlin"),
        Recurrence("*/30 * * * *", "America/New_York"),
        Recurrence("0 3 1 * *", "Australia/Lord_Howe"),
    ]
)
steps = st.lists(
    st.one_of(
        st.integers(0, 7200).map(lambda seconds: timedelta(seconds=seconds)),
        st.sampled_from([HOUR, -HOUR, 10 * HOUR, timedelta(days=3), timedelta(days=3653)]),
        st.just(timedelta(days=-3653)),
    ),
    max_size=40,
)


@dataclass
class Stored:
    """What the database holds of one schedule."""

    next_at: datetime | None = None
    done: list[datetime] = field(default_factory=list)

    def look(self, rule: Recurrence, now: datetime, jitter_seconds: int) -> datetime | None:
        decided = turn(SCHEDULE, rule, next_at=self.next_at, jitter_seconds=jitter_seconds, now=now)
        self.next_at = decided.next_at
        if decided.due is None or decided.due in self.done:
            return None
        self.done.append(decided.due)
        return decided.due


@settings(deadline=None)
@given(rules, steps, st.integers(0, 3600))
def test_no_history_of_looks_and_clocks_starts_two_scans_for_a_time_or_a_storm(
    rule: Recurrence, history: list[timedelta], jitter_seconds: int
) -> None:
    stored, now = Stored(), BEGIN
    for step in history:
        now += step
        due = stored.look(rule, now, jitter_seconds)
        assert stored.look(rule, now, jitter_seconds) is None, "looked at again, it is done"
        assert due is None or due <= now
        assert stored.next_at is not None
        if due is not None:
            assert stored.next_at > now

    assert len(stored.done) == len(set(stored.done))
    assert len(stored.done) <= len(history)


@settings(deadline=None)
@given(rules, st.integers(0, 3600), st.sampled_from([-HOUR, HOUR, timedelta(days=3653)]))
def test_after_a_clock_was_wrong_the_next_time_is_the_next_one_by_the_clock(
    rule: Recurrence, jitter_seconds: int, error: timedelta
) -> None:
    stored = Stored()
    stored.look(rule, BEGIN, jitter_seconds)
    stored.look(rule, BEGIN + error, jitter_seconds)
    stored.look(rule, BEGIN + timedelta(minutes=1), jitter_seconds)

    assert stored.next_at is not None
    assert stored.next_at <= rule.after(BEGIN + timedelta(minutes=1))


@settings(deadline=None)
@given(rules, st.integers(1, 400))
def test_all_that_was_missed_is_one_scan(rule: Recurrence, days: int) -> None:
    stored = Stored()
    stored.look(rule, BEGIN, 0)
    back = BEGIN + timedelta(days=days + 31)

    assert [stored.look(rule, back, 0) is not None for _ in range(3)] == [True, False, False]
    assert stored.next_at == rule.after(back)


@settings(deadline=None)
@given(rules, st.integers(0, 3600))
def test_regular_looks_start_every_time_once_within_its_jitter(
    rule: Recurrence, jitter_seconds: int
) -> None:
    stored, expected, now = Stored(), [], BEGIN
    moment = BEGIN
    while (moment := rule.after(moment)) <= BEGIN + timedelta(days=2):
        expected.append(moment)
    jitter_seconds = min(jitter_seconds, 1200)
    while now < BEGIN + timedelta(days=2, hours=1):
        due = stored.look(rule, now, jitter_seconds)
        assert due is None or now - due < timedelta(seconds=jitter_seconds + 300)
        now += timedelta(minutes=5)

    assert stored.done[: len(expected)] == expected


@settings(deadline=None)
@given(st.integers(-(10**5), 10**5).map(lambda hours: BEGIN + hours * HOUR))
def test_every_replica_draws_the_same_jitter_and_the_same_id(due: datetime) -> None:
    assert jitter(SCHEDULE, due, 600) == jitter(SCHEDULE, due, 600) <= timedelta(seconds=600)
    assert jitter(SCHEDULE, due, 0) == timedelta()
    assert scan_id(SCHEDULE, due) == scan_id(SCHEDULE, due)
    assert scan_id(SCHEDULE, due) != scan_id(SCHEDULE, due + HOUR)
