"""Policies, windows and freezes for the tests of when rotations begin."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from services.rotator.domain.freeze import Freeze
from services.rotator.domain.policy import Policy
from services.rotator.domain.window import Times, Window
from shared.cron import Recurrence

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
ID = UUID(int=1)

moments = st.integers(0, 800 * 24 * 60).map(lambda minutes: NOW + timedelta(minutes=minutes))
_recurrences = st.builds(
    Recurrence,
    st.sampled_from(
        ["0 2 * * *", "30 2 * * 6", "0 * * * *", "15 22 1 * *", "0 3 29 2 *", "*/5 9-17 * * 1-5"]
    ),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
)
windows = st.builds(
    Window,
    opens=_recurrences,
    lasts=st.sampled_from([timedelta(minutes=15), HOUR, 6 * HOUR, 36 * HOUR, 7 * DAY]),
)


def a_policy(**changes: Any) -> Policy:
    """A policy about every application's passwords, unless told otherwise."""
    given: dict[str, Any] = {"id": ID, "name": "passwords", "selector": "kind:app_secret"}
    return Policy(**given | changes)


def a_freeze(starts_at: datetime, lasts: timedelta, reason: str = "year's end") -> Freeze:
    """A freeze of a length."""
    return Freeze(starts_at=starts_at, ends_at=starts_at + lasts, reason=reason)


def a_window(expression: str = "0 2 * * *", lasts: timedelta = 2 * HOUR) -> Window:
    """A window every night at two o'clock (UTC) for two hours, unless told otherwise."""
    return Window(opens=Recurrence(expression), lasts=lasts)


freezes = st.builds(a_freeze, moments, st.integers(1, 100 * 24).map(lambda hours: hours * HOUR))
times = st.builds(
    Times,
    windows=st.lists(windows, max_size=3).map(tuple),
    freezes=st.lists(freezes, max_size=4).map(tuple),
    not_before=st.none() | moments,
)
