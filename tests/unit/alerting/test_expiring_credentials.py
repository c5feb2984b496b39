"""What an expiring credential does to its alert, whatever order the messages come in."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.alerting.domain.alert import (
    Act,
    Escalate,
    Raise,
    Resolve,
    Standing,
    Told,
    closest,
    decide,
)
from services.alerting.domain.credential import Credential, fingerprint, fitting, speaker
from services.alerting.domain.ladder import LADDER, severity_of, step_at
from services.alerting.domain.notice import compose
from services.alerting.domain.wording import expiring, settled
from shared.events import CredentialRef, ItemKind
from shared.events.alerting import Severity

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)
steps = st.sampled_from(LADDER)
instants = st.datetimes(
    min_value=datetime(2026, 1, 1),  # noqa: DTZ001 - Hypothesis adds the zone
    max_value=datetime(2028, 1, 1),  # noqa: DTZ001 - Hypothesis adds the zone
    timezones=st.just(UTC),
)


def ref(item_id: int = 7, *, kind: ItemKind = ItemKind.SECRET, name: str = "db") -> CredentialRef:
    return CredentialRef(
        item_id=item_id, kind=kind, name=name, container="kv-pay", subscription_id="s-1"
    )


def credential(days: float = 5, **changes: object) -> Credential:
    base = Credential(ref=ref(), created_on=NOW - 90 * DAY, expires_on=NOW + days * DAY)
    return replace(base, **changes)  # type: ignore[arg-type]


def standing(step: int = 7, days: float = 5, item_id: int = 7) -> Standing:
    return Standing(item_id=item_id, expires_on=NOW + days * DAY, step=step)


def after(state: Standing | None, seen: Credential, acts: tuple[Act, ...]) -> Standing | None:
    """Apply acts the way the store does."""
    for act in acts:
        if isinstance(act, Resolve):
            state = None
        else:
            assert seen.expires_on is not None
            state = Standing(item_id=seen.ref.item_id, expires_on=seen.expires_on, step=act.step)
    return state


@given(st.lists(steps, min_size=1, max_size=12), st.integers(0, 90), st.randoms())
def test_any_order_and_any_duplicates_end_in_one_alert_at_the_closest_step(
    told: list[int], days: int, random: object
) -> None:
    seen = credential(days)
    assert seen.expires_on is not None
    messages = [Told(expires_on=seen.expires_on, step=step) for step in (*told, *told)]
    random.shuffle(messages)  # type: ignore[attr-defined]

    state, raised = None, 0
    for message in messages:
        acts = decide(state, seen, now=NOW, told=message)
        raised += sum(isinstance(act, Raise) for act in acts)
        state = after(state, seen, acts)

    by_clock = step_at(seen.expires_on, NOW)
    assert state is not None
    assert state.step == min([*told, *([] if by_clock is None else [by_clock])])
    assert raised == 1


@given(st.lists(st.tuples(instants, steps), max_size=8), instants)
def test_a_message_about_an_end_that_is_no_longer_true_changes_nothing(
    stale: list[tuple[datetime, int]], end: datetime
) -> None:
    seen = credential(expires_on=end)
    for expires_on, step in stale:
        if expires_on == end:
            continue
        told = Told(expires_on=expires_on, step=step)

        assert decide(None, seen, now=NOW, told=told) == decide(None, seen, now=NOW)


@given(st.none() | st.builds(standing, steps, st.integers(-5, 90)), st.integers(-5, 90))
def test_deciding_twice_is_deciding_once(state: Standing | None, days: int) -> None:
    seen = credential(days)
    once = after(state, seen, decide(state, seen, now=NOW))

    assert decide(once, seen, now=NOW) == ()


@given(st.lists(st.integers(0, 120), min_size=1, max_size=10))
def test_as_time_passes_an_alert_only_comes_closer(days_left: list[int]) -> None:
    end = NOW + 200 * DAY
    seen, state, told = credential(expires_on=end), None, []
    for days in sorted(days_left, reverse=True):
        state = after(state, seen, decide(state, seen, now=end - days * DAY))
        told += [] if state is None else [state.step]

    assert told == sorted(told, reverse=True)


@given(instants, instants)
def test_the_step_is_the_smallest_that_is_reached(end: datetime, now: datetime) -> None:
    step = step_at(end, now)

    reached = [days for days in LADDER if end - now <= days * DAY]
    assert step == (min(reached) if reached else None)


@pytest.mark.parametrize(
    ("step", "severity"),
    [
        (0, Severity.CRITICAL),
        (1, Severity.CRITICAL),
        (3, Severity.CRITICAL),
        (7, Severity.CRITICAL),
        (14, Severity.HIGH),
        (30, Severity.MEDIUM),
        (60, Severity.LOW),
    ],
)
def test_each_step_has_its_severity(step: int, severity: Severity) -> None:
    assert severity_of(step) is severity


def test_every_step_of_the_ladder_is_in_the_table_above() -> None:
    assert LADDER == (60, 30, 14, 7, 3, 1, 0)


def test_a_first_message_raises_and_a_closer_one_escalates_the_same_alert() -> None:
    seen = credential(6.5)
    assert seen.expires_on is not None

    assert decide(None, seen, now=NOW) == (Raise(7),)
    assert decide(standing(14, 6.5), seen, now=NOW) == (Escalate(7),)
    assert decide(standing(7, 6.5), seen, now=NOW) == ()


def test_a_sender_whose_clock_is_ahead_is_believed_for_a_step_of_the_rule() -> None:
    seen = credential(7.01)
    assert seen.expires_on is not None

    assert closest(seen, now=NOW, told=Told(expires_on=seen.expires_on, step=7), steps=LADDER) == 7
    assert closest(seen, now=NOW, told=Told(expires_on=seen.expires_on, step=5), steps=LADDER) == 14


def test_a_sender_is_believed_even_while_the_own_clock_sees_no_step() -> None:
    seen = credential(60.01)
    assert seen.expires_on is not None

    assert decide(None, seen, now=NOW, told=Told(expires_on=seen.expires_on, step=60)) == (
        Raise(60),
    )


def test_an_end_that_moved_closer_is_told_again() -> None:
    assert decide(standing(7, days=6), credential(4), now=NOW) == (Escalate(7),)


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (None, "no longer holds"),
        (credential(deleted_at=NOW), "deleted; the scan of 2026-11-23 12:00 UTC"),
        (credential(enabled=False), "disabled"),
        (credential(expires_on=None), "no longer ends"),
        (credential(400), "renewed; it now ends on 2027-12-28 12:00 UTC"),
        (credential(400, ref=ref(8, name="new")), "newer credential, “new”"),
    ],
)
def test_an_alert_is_resolved_by_what_was_seen(seen: Credential | None, words: str) -> None:
    (act,) = decide(standing(), seen, now=NOW)

    assert isinstance(act, Resolve)
    assert words in act.evidence


def test_a_renewed_credential_that_is_close_to_its_new_end_is_resolved_and_raised_anew() -> None:
    acts = decide(standing(3, days=2), credential(20), now=NOW)

    assert [type(act) for act in acts] == [Resolve, Raise]


@pytest.mark.parametrize(
    "seen",
    [
        None,
        credential(61),
        credential(expires_on=None),
        credential(deleted_at=NOW),
        credential(enabled=False),
        credential(managed=True),
        credential(not_before=NOW + DAY),
    ],
)
def test_what_nobody_can_be_using_raises_nothing(seen: Credential | None) -> None:
    assert decide(None, seen, now=NOW) == ()


def test_a_clock_that_went_back_leaves_an_alert_alone() -> None:
    seen = credential(5)

    assert decide(standing(), seen, now=NOW - 300 * DAY) == ()


def test_a_vaults_item_speaks_for_itself_and_an_applications_newest_for_all() -> None:
    kind = ItemKind.APP_SECRET
    old = credential(3, ref=ref(1, kind=kind), application="a")
    new = credential(300, ref=ref(2, kind=kind), application="a", created_on=NOW - DAY)

    assert fingerprint(credential()) == "secret_expiring/item/7"
    assert fingerprint(old) == fingerprint(new)
    assert fingerprint(old).startswith("secret_expiring/application/a/app_secret/")
    assert fingerprint(old) != fingerprint(replace(new, ref=ref(2, kind=kind, name="other")))
    assert speaker([new, old], NOW) is new
    assert speaker([], NOW) is None


def test_a_newer_one_speaks_only_once_it_can_be_used() -> None:
    old = credential(3, ref=ref(1))
    disabled = credential(300, ref=ref(2), created_on=NOW, enabled=False)
    later = credential(300, ref=ref(3), created_on=NOW, not_before=NOW + DAY)
    gone = credential(300, ref=ref(4), created_on=None, deleted_at=NOW)

    assert speaker([old, disabled, later, gone], NOW) is old
    assert speaker([disabled, gone], NOW) is disabled


def test_a_part_that_is_renewed_with_another_never_speaks_for_it() -> None:
    signs = credential(3, ref=ref(1), application="a")
    verifies = replace(signs, ref=ref(2), managed=True)

    assert speaker([verifies, signs], NOW) is signs
    assert speaker([signs, verifies], NOW) is signs


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (timedelta(days=6, hours=3), "expires in 6 days"),
        (timedelta(days=1, hours=1), "expires in 1 day"),
        (timedelta(hours=5), "expires within a day"),
        (timedelta(0), "has expired"),
    ],
)
def test_people_read_how_long_they_have(left: timedelta, words: str) -> None:
    wording = expiring(ref(), NOW + left, NOW)

    assert wording.title == f"Secret “db” in kv-pay {words}"
    assert "(subscription s-1)" in wording.text
    assert wording.link == "/items/7"


@pytest.mark.parametrize("kind", list(ItemKind))
def test_every_kind_has_a_word(kind: ItemKind) -> None:
    there = CredentialRef(item_id=1, kind=kind, name="n", container="c")

    assert settled(there, "It was disabled.").text.endswith("“n” in c: It was disabled.")


@pytest.mark.parametrize(
    ("kind", "lifetime", "expected"),
    [
        (ItemKind.CERTIFICATE, 47, (14, 7, 3, 1, 0)),
        (ItemKind.APP_CERTIFICATE, 6, (1, 0)),
        (ItemKind.CERTIFICATE, 61, LADDER),
        (ItemKind.SECRET, 47, LADDER),
        (ItemKind.CERTIFICATE, -1, LADDER),
    ],
)
def test_a_short_lived_certificate_has_the_steps_of_its_last_third(
    kind: ItemKind, lifetime: int, expected: tuple[int, ...]
) -> None:
    seen = credential(ref=ref(kind=kind), created_on=NOW, expires_on=NOW + lifetime * DAY)

    assert fitting(seen, LADDER) == expected
    assert fitting(replace(seen, created_on=None), LADDER) == LADDER


def test_a_notice_says_when_people_are_told_again() -> None:
    seen = credential(6)
    assert seen.expires_on is not None

    assert compose(seen, 7, now=NOW, steps=LADDER).next_step_at == seen.expires_on - 3 * DAY
    assert compose(seen, 0, now=NOW, steps=LADDER).next_step_at is None
    with pytest.raises(ValueError, match="never ends"):
        compose(credential(expires_on=None), 7, now=NOW, steps=LADDER)
