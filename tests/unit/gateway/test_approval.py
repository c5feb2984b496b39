"""Four eyes: who may decide about a request, and what an approved one is good for."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.domain.approval import (
    LIFETIME,
    Act,
    Approval,
    Decision,
    State,
    hash_of,
    refusal_to_decide,
    refusal_to_use,
    state_of,
)

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
ADA, EVE = UUID(int=1), UUID(int=2)
ACT = Act.PURGE_DEAD_LETTERS
PLAN = {"queue": "alerting.x", "ids": ["a", "b"]}
HASH = hash_of(ACT, PLAN)
PLANS = st.dictionaries(st.text(max_size=5), st.text(max_size=5) | st.integers() | st.booleans())


def an_approval(**more: object) -> Approval:
    found = Approval(
        id=uuid4(),
        act=ACT,
        plan=PLAN,
        plan_hash=HASH,
        reason="",
        requested_by=ADA,
        requester="ada",
        requested_at=NOW,
        expires_at=NOW + LIFETIME,
    )
    return replace(found, **more)  # type: ignore[arg-type]


APPROVED = an_approval(decision=Decision.APPROVED, decider="eve", decided_at=NOW)


@pytest.mark.parametrize(
    ("approval", "state"),
    [
        (an_approval(), State.PENDING),
        (APPROVED, State.APPROVED),
        (replace(APPROVED, used_at=NOW), State.USED),
        (an_approval(decision=Decision.REJECTED), State.REJECTED),
        (an_approval(decision=Decision.WITHDRAWN), State.WITHDRAWN),
        (an_approval(expires_at=NOW), State.EXPIRED),
        (replace(APPROVED, expires_at=NOW), State.EXPIRED),
        (replace(APPROVED, expires_at=NOW, used_at=NOW), State.USED),
    ],
)
def test_a_request_is_in_one_state_at_a_time(approval: Approval, state: State) -> None:
    assert state_of(approval, NOW) is state


@pytest.mark.parametrize(
    ("decision", "user", "why"),
    [
        (Decision.APPROVED, EVE, None),
        (Decision.REJECTED, EVE, None),
        (Decision.WITHDRAWN, ADA, None),
        (Decision.APPROVED, ADA, "Somebody else decides"),
        (Decision.REJECTED, ADA, "Somebody else decides"),
        (Decision.WITHDRAWN, EVE, "Only whoever asked"),
    ],
)
def test_the_requester_withdraws_and_somebody_else_decides(
    decision: Decision, user: UUID, why: str | None
) -> None:
    found = refusal_to_decide(an_approval(), decision, user_id=user, plan_hash=HASH, now=NOW)

    assert found is None if why is None else why in (found or "")


def test_whoever_saw_another_plan_does_not_approve_this_one() -> None:
    other = hash_of(ACT, {**PLAN, "ids": ["a"]})
    found = refusal_to_decide(
        an_approval(), Decision.APPROVED, user_id=EVE, plan_hash=other, now=NOW
    )

    assert "not the plan" in (found or "")


def test_what_is_over_is_decided_no_more() -> None:
    late = NOW + LIFETIME
    for approval, now in ((an_approval(), late), (APPROVED, NOW)):
        for decision in Decision:
            found = refusal_to_decide(approval, decision, user_id=EVE, plan_hash=HASH, now=now)
            assert "already" in (found or "")


def test_an_approved_plan_is_done_by_whoever_asked_within_a_day() -> None:
    just_in_time = NOW + LIFETIME - timedelta(seconds=1)

    assert refusal_to_use(APPROVED, ACT, user_id=ADA, plan_hash=HASH, now=just_in_time) is None
    assert "expired" in (
        refusal_to_use(APPROVED, ACT, user_id=ADA, plan_hash=HASH, now=NOW + LIFETIME) or ""
    )
    assert "Whoever asked" in (
        refusal_to_use(APPROVED, ACT, user_id=EVE, plan_hash=HASH, now=NOW) or ""
    )
    assert "pending, not approved" in (
        refusal_to_use(an_approval(), ACT, user_id=ADA, plan_hash=HASH, now=NOW) or ""
    )


def test_a_plan_that_changed_meanwhile_needs_a_new_approval() -> None:
    drifted = hash_of(ACT, {**PLAN, "ids": ["a", "b", "c"]})

    assert "ask again" in (
        refusal_to_use(APPROVED, ACT, user_id=ADA, plan_hash=drifted, now=NOW) or ""
    )


@given(plan=PLANS, other=PLANS)
def test_equal_plans_have_one_digest_and_others_another(
    plan: dict[str, object], other: dict[str, object]
) -> None:
    turned = dict(reversed(plan.items()))

    assert hash_of(ACT, plan) == hash_of(ACT, turned)
    same = {k: (type(v), v) for k, v in plan.items()} == {k: (type(v), v) for k, v in other.items()}
    assert (hash_of(ACT, plan) == hash_of(ACT, other)) == same
