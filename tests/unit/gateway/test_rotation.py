"""What can be done about a rotation, state by state."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.gateway.domain.rotation import (
    PLAN_LIFETIME,
    Rotation,
    State,
    Way,
    recourse,
    refusal_of_spans,
    refusal_to_approve,
    refusal_to_begin,
    refusal_to_reject,
    refusal_to_roll_back,
    refusal_to_withdraw,
)
from services.rotator.domain import approval as rotators_approval
from services.rotator.domain import state as rotators
from services.rotator.domain.state import ROLL_BACK_FROM, Signal

NOW = datetime(2026, 11, 1, tzinfo=UTC)
HASH = "ab" * 32


def rotation(state: str, stopped_in: str | None = None) -> Rotation:
    return Rotation(
        state=state,
        can_roll_back=state in ROLL_BACK_FROM,
        requested_by="ada",
        plan_hash=HASH,
        shown_at=NOW,
        stopped_in=stopped_in,
    )


def test_the_states_are_those_of_the_rotator() -> None:
    assert {state.value for state in State} == {state.value for state in rotators.State}


@pytest.mark.parametrize("state", list(State))
def test_every_state_has_a_way_out_that_the_rotator_knows_too(state: State) -> None:
    found = recourse(rotation(state))

    assert len(found.sentence) > len("sentence")
    assert "does not know" not in found.sentence
    assert (found.kind is Way.ROLL_BACK) == (state in ROLL_BACK_FROM)
    late = {State.RETIRING, State.SWEEPING, State.COMPLETED}
    assert (found.kind is Way.ROLL_FORWARD) == (state in late)


@pytest.mark.parametrize("state", [State.FAILED, State.CONFLICT])
def test_what_stopped_while_the_old_one_was_being_removed_only_leads_forward(state: State) -> None:
    assert recourse(rotation(state, "retiring")).kind is Way.ROLL_FORWARD
    assert recourse(rotation(state, "sweeping")).kind is Way.ROLL_FORWARD
    assert recourse(rotation(state, "overlap")).kind is Way.NONE


def test_a_state_of_a_newer_rotator_promises_nothing() -> None:
    assert recourse(rotation("polishing")).kind is Way.NONE
    assert "does not know" in recourse(rotation("polishing")).sentence


def test_a_plan_is_approved_by_somebody_else_as_it_was_read_for_a_day() -> None:
    waits = rotation(State.AWAITING_APPROVAL)

    def refusal(known: Rotation = waits, by: str = "eve", plan: str = HASH, hours: int = 0) -> str:
        now = NOW + timedelta(hours=hours)
        return refusal_to_approve(known, by=by, plan_hash=plan, now=now) or ""

    assert refusal() == refusal(hours=23) == ""
    assert "nobody's approval" in refusal(rotation(State.SCHEDULED))
    assert "Somebody else" in refusal(by="ada")
    assert "not the plan" in refusal(plan="cd" * 32)
    assert "not the plan" in refusal(replace(waits, plan_hash=None))
    assert "24 hours" in refusal(hours=24)
    assert PLAN_LIFETIME == rotators_approval.LIFETIME


def test_others_reject_and_whoever_asked_withdraws() -> None:
    waits = rotation(State.AWAITING_APPROVAL)

    assert refusal_to_reject(waits, by="eve") is None
    assert "withdraw it" in (refusal_to_reject(waits, by="ada") or "")
    assert "nobody's" in (refusal_to_reject(rotation(State.CREATING), by="eve") or "")
    assert refusal_to_withdraw(waits, by="ada") is None
    assert "Only whoever asked" in (refusal_to_withdraw(waits, by="eve") or "")


@pytest.mark.parametrize("state", list(State))
def test_what_is_taken_back_is_what_the_rotator_takes_back(state: State) -> None:
    after = rotators.NEXT.get(rotators.State(state), {})

    assert (refusal_to_withdraw(rotation(state), by="ada") is None) == (Signal.WITHDRAW in after)
    assert (refusal_to_roll_back(rotation(state)) is None) == (Signal.ROLL_BACK in after)


def test_a_rotation_begins_for_an_active_credential_without_one() -> None:
    assert refusal_to_begin("active", rotating=False) is None
    assert "under way" in (refusal_to_begin("active", rotating=True) or "")
    assert "person has to look" in (refusal_to_begin("quarantined", rotating=False) or "")
    assert "rotated no longer" in (refusal_to_begin("released", rotating=False) or "")


def test_an_overlap_is_long_enough_to_fetch_the_new_one_and_ends_before_it_does() -> None:
    assert refusal_of_spans(1, 3600, floor=3600) is None
    assert "at least 3600 seconds" in (refusal_of_spans(1, 3599, floor=3600) or "")
    assert refusal_of_spans(1, 0, floor=0) is None
    assert "shorter" in (refusal_of_spans(1, 86_400, floor=3600) or "")
