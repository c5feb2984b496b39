"""Of several policies one decides, by a rule that people can follow; in doubt none does."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.rotator.domain.choice import choose
from services.rotator.domain.policy import Policy
from shared.selector import Facts, Field
from tests.unit.rotator.policy_values import a_policy

PASSWORD = Facts(known={Field.KIND: ("app_secret",), Field.NAME: ("ledger",)}, tags={})


def test_the_policy_with_the_lowest_priority_number_decides() -> None:
    broad = a_policy(name="all", priority=200)
    narrow = a_policy(name="ledger", priority=10, selector="name:ledger")

    choice = choose([broad, narrow], PASSWORD)

    assert choice.policy is narrow
    assert choice.reason == (
        "The policy “ledger” is the first, by priority, that means this credential."
    )


def test_of_equal_priorities_the_first_by_name_decides() -> None:
    one, other = a_policy(name="a"), a_policy(name="b")

    assert choose([other, one], PASSWORD).policy is one


def test_a_policy_that_means_something_else_is_passed_over() -> None:
    other = a_policy(name="web", priority=1, selector="name:web-*")
    all_ = a_policy(priority=2)

    assert choose([other, all_], PASSWORD).policy is all_


def test_where_no_policy_applies_nothing_is_rotated() -> None:
    choice = choose([a_policy(selector="kind:secret")], PASSWORD)

    assert choice.policy is None
    assert choice.reason == "No policy means this credential."


def test_disabling_a_policy_does_not_hand_its_credentials_to_a_broader_one() -> None:
    narrow = a_policy(name="ledger", priority=1, selector="name:ledger", enabled=False)

    choice = choose([narrow, a_policy(priority=2)], PASSWORD)

    assert choice.policy is None
    assert choice.reason == (
        "The policy “ledger” means this credential and is disabled; enable it, or exclude the"
        " credential from it."
    )


def test_where_it_is_not_known_whether_a_policy_applies_none_decides() -> None:
    narrow = a_policy(name="prod", priority=1, selector="tag:env=prod")
    facts = Facts(known=PASSWORD.known, tags=None)

    choice = choose([narrow, a_policy(priority=2)], facts)

    assert choice.policy is None
    assert choice.reason == (
        "Whether the policy “prod” means this credential is not known, because a fact that its"
        " selector asks for could not be read: tag:env=prod"
    )


@pytest.mark.parametrize("selector", ["kind:app_secret -tag:skip=true", "-name:ledger"])
def test_what_a_selector_excludes_is_excluded(selector: str) -> None:
    facts = Facts(known=PASSWORD.known, tags={"skip": "true"})

    assert choose([a_policy(selector=selector)], facts).policy is None


@given(
    st.lists(
        st.builds(
            a_policy,
            id=st.uuids(),
            name=st.sampled_from(["a", "b", "c"]),
            priority=st.integers(0, 3),
            enabled=st.booleans(),
            selector=st.sampled_from(["name:ledger", "name:web", "tag:env=prod"]),
        ),
        unique_by=lambda one: one.id,
        max_size=5,
    ),
    st.randoms(),
)
def test_the_order_in_which_policies_are_read_changes_nothing(
    policies: list[Policy], random: object
) -> None:
    shuffled = list(policies)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    assert choose(policies, PASSWORD) == choose(shuffled, PASSWORD)
    assert UUID(int=0) not in {one.id for one in policies}
