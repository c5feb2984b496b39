"""A pause holds what it names, and says who paused what, since when, and how it goes on."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.rotator.domain.switches import Subject, Switch, holding, sentence
from shared.events.rotation import PauseScope
from tests.unit.rotator.policy_values import DAY, NOW

SUBJECT = Subject(credential_id="cred-1", subscription_ids=frozenset({"SUB-1", "sub-2"}))


def a_switch(scope: PauseScope = PauseScope.EVERYTHING, key: str = "", **changes: Any) -> Switch:
    given_: dict[str, Any] = {"paused_by": "anna", "paused_at": NOW, "reason": "incident 7"}
    return Switch(scope=scope, key=key, **given_ | changes)


@pytest.mark.parametrize(
    ("scope", "key", "holds"),
    [
        (PauseScope.EVERYTHING, "", True),
        (PauseScope.SUBSCRIPTION, "sub-1", True),
        (PauseScope.SUBSCRIPTION, "sub-3", False),
        (PauseScope.CREDENTIAL, "CRED-1", True),
        (PauseScope.CREDENTIAL, "cred-2", False),
    ],
)
def test_a_pause_holds_what_it_names(scope: PauseScope, key: str, holds: bool) -> None:
    assert bool(holding([a_switch(scope, key)], SUBJECT)) is holds


def test_where_the_subscriptions_are_not_known_a_pause_of_any_holds() -> None:
    subject = Subject(credential_id="cred-1", subscription_ids=None)

    assert holding([a_switch(PauseScope.SUBSCRIPTION, "sub-9")], subject)


def test_without_a_subscription_a_pause_of_one_does_not_hold() -> None:
    subject = Subject(credential_id="cred-1", subscription_ids=frozenset())

    assert not holding([a_switch(PauseScope.SUBSCRIPTION, "sub-9")], subject)


def test_the_sentence_names_the_widest_pause_and_all_that_must_be_resumed() -> None:
    held = holding(
        [
            a_switch(PauseScope.CREDENTIAL, "cred-1", name="ledger"),
            a_switch(PauseScope.SUBSCRIPTION, "sub-2", name="prod", paused_at=NOW + DAY),
            a_switch(PauseScope.SUBSCRIPTION, "sub-1"),
            a_switch(),
        ],
        SUBJECT,
    )

    assert sentence(held) == (
        "anna paused all rotations on 2026-11-23 12:00 UTC (incident 7). It goes on when somebody"
        " resumes all rotations; rotations in the subscription “sub-1”, rotations in the"
        " subscription “prod”, the rotation of “ledger” must be resumed too. Until then both"
        " credentials stay as they are, and what ends soon still raises alerts."
    )


def test_a_single_pause_is_all_there_is_to_resume() -> None:
    held = (a_switch(PauseScope.CREDENTIAL, "cred-1", name="ledger"),)

    assert sentence(held) == (
        "anna paused the rotation of “ledger” on 2026-11-23 12:00 UTC (incident 7). It goes on when"
        " somebody resumes the rotation of “ledger”. Until then both credentials stay as they are,"
        " and what ends soon still raises alerts."
    )


def test_where_nothing_holds_there_is_nothing_to_say() -> None:
    assert sentence(holding([], SUBJECT)) is None


@pytest.mark.parametrize(
    ("scope", "key"),
    [(PauseScope.EVERYTHING, "x"), (PauseScope.SUBSCRIPTION, ""), (PauseScope.CREDENTIAL, "")],
)
def test_a_pause_of_nothing_in_particular_is_refused(scope: PauseScope, key: str) -> None:
    with pytest.raises(ValueError, match="Name what is paused by its id, or pause everything"):
        a_switch(scope, key)


switches = st.one_of(
    st.just(a_switch()),
    st.builds(a_switch, st.just(PauseScope.SUBSCRIPTION), st.sampled_from(["sub-1", "sub-3"])),
    st.builds(a_switch, st.just(PauseScope.CREDENTIAL), st.sampled_from(["cred-1", "cred-2"])),
)


@given(st.lists(switches, max_size=5), switches)
def test_another_pause_never_sets_anything_going(held: list[Switch], more: Switch) -> None:
    before = holding(held, SUBJECT)

    assert set(before) <= set(holding([*held, more], SUBJECT))
    assert (sentence(before) is None) == (before == ())
    scopes = [list(PauseScope).index(one.scope) for one in before]
    assert scopes == sorted(scopes)
