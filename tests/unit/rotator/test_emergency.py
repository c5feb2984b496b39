"""An emergency needs two confirmations, keeps an order, and its report never claims too much."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.rotator.domain.emergency import (
    OVERLAP,
    TOKENS_LIVE,
    Line,
    Report,
    Request,
    State,
    Target,
    in_order,
    refusal,
)
from tests.unit.rotator.policy_values import DAY, HOUR, NOW

MINUTE = timedelta(minutes=1)
REQUEST = Request(
    credential_name="ledger",
    typed_name="ledger",
    requested_by="anna",
    password_given_at=NOW - 5 * MINUTE,
    reason="pushed to a public repository",
    at=NOW,
)
DEAD = Line(name="ledger", published_at=NOW, removed_at=NOW + MINUTE, seen_gone=True)


def a_report(*lines: Line) -> Report:
    return Report(requested_by="anna", reason="leaked", requested_at=NOW, lines=lines)


def test_there_is_no_overlap() -> None:
    assert timedelta() == OVERLAP


def test_a_typed_name_and_a_fresh_password_are_enough() -> None:
    assert refusal(REQUEST) is None


@pytest.mark.parametrize("typed", ["", "Ledger", "ledger "])
def test_without_the_exact_name_nothing_begins(typed: str) -> None:
    assert refusal(replace(REQUEST, typed_name=typed)) == (
        "Type the credential's name exactly as shown: consumers that hold it will fail."
    )


@pytest.mark.parametrize(
    "given_at", [None, NOW - 5 * MINUTE - timedelta(seconds=1), NOW + timedelta(seconds=1)]
)
def test_without_a_fresh_password_nothing_begins(given_at: datetime | None) -> None:
    assert refusal(replace(REQUEST, password_given_at=given_at)) == (
        "Give your password again; it counts for 5 minutes."
    )


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501])
def test_without_a_reason_nothing_begins(reason: str) -> None:
    assert refusal(replace(REQUEST, reason=reason)) == (
        "Say what happened, in 1 to 500 characters; the review asks for it."
    )


def a_target(name: str, *, leaked: bool = False, consumers: int | None = 0) -> Target:
    return Target(credential_id=name, name=name, leaked=leaked, consumers=consumers)


def test_known_leaks_come_first_and_then_those_with_the_fewest_consumers() -> None:
    targets = [
        a_target("unknown", consumers=None),
        a_target("many", consumers=40),
        a_target("few", consumers=1),
        a_target("leaked with many", leaked=True, consumers=40),
        a_target("leaked with few", leaked=True, consumers=1),
    ]

    assert [one.name for one in in_order(targets)] == [
        "leaked with few",
        "leaked with many",
        "few",
        "many",
        "unknown",
    ]


@given(
    st.lists(
        st.builds(
            Target,
            credential_id=st.text(max_size=3),
            name=st.text(max_size=3),
            leaked=st.booleans(),
            consumers=st.none() | st.integers(0, 9),
        )
    )
)
def test_the_order_holds_for_all_and_loses_none(targets: list[Target]) -> None:
    ordered = in_order(targets)

    assert sorted(map(repr, ordered)) == sorted(map(repr, targets))
    for one, following in pairwise(ordered):
        assert one.leaked >= following.leaked
        if one.leaked == following.leaked:
            counts = [
                inf if each.consumers is None else each.consumers for each in (one, following)
            ]
            assert counts[0] <= counts[1]


@pytest.mark.parametrize(
    ("line", "state"),
    [
        (Line(name="x"), State.ALIVE),
        (Line(name="x", published_at=NOW), State.ALIVE),
        (Line(name="x", published_at=NOW, removed_at=NOW), State.UNKNOWN),
        (Line(name="x", published_at=NOW, removed_at=NOW, seen_gone=False), State.ALIVE),
        (DEAD, State.DEAD),
    ],
)
def test_a_credential_is_dead_only_when_the_directory_says_so(line: Line, state: State) -> None:
    assert line.state is state


def test_a_report_names_what_may_still_work() -> None:
    report = a_report(DEAD, Line(name="web", failure="Graph answered 403."))

    assert report.alive == ("web",)
    assert report.contained_at is None
    assert report.sentence == "1 of 2 may still work: web."


def test_a_report_says_until_when_tokens_work_that_were_obtained_before() -> None:
    report = a_report(DEAD, replace(DEAD, name="web", removed_at=NOW + HOUR))

    assert report.contained_at == NOW + HOUR + TOKENS_LIVE
    assert report.sentence == (
        "All 2 old credentials are gone. Tokens that they obtained before may work until"
        " 2026-11-23 14:30 UTC, longer where the tenant's policy says so."
    )


def test_a_report_of_nothing_claims_nothing() -> None:
    assert a_report().sentence == "Nothing was replaced."
    assert Line(name="x").tokens_until is None


def test_somebody_else_reviews_it_within_a_day() -> None:
    assert a_report(DEAD).review_until == NOW + DAY


lines = st.builds(
    Line,
    name=st.sampled_from(["a", "b"]),
    published_at=st.none() | st.just(NOW),
    removed_at=st.none() | st.integers(0, 90).map(lambda minutes: NOW + minutes * MINUTE),
    seen_gone=st.none() | st.booleans(),
)


@given(st.lists(lines, max_size=4))
def test_nothing_is_contained_while_one_credential_may_work(found: list[Line]) -> None:
    report = a_report(*found)

    if report.contained_at is not None:
        removals = [line.removed_at for line in found if line.removed_at and line.seen_gone]
        assert len(removals) == len(found)
        assert max(removals) + TOKENS_LIVE == report.contained_at
    assert all(line.name in report.sentence for line in found if line.state is not State.DEAD)
