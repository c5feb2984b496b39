"""Azure's rules for what a role allows, and which of it is a danger to blind discovery."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scanner.domain.permission_catalogue import (
    CONTROL,
    DATA,
    DISCOVERY,
    POLICY,
    SELF_GRANTING_WITH_POLICIES,
    Danger,
)
from services.scanner.domain.permission_grants import (
    Grant,
    allows,
    dangers,
    matches,
    policy_dangers,
    unfamiliar,
)
from tests.support.permissions import KEY_VAULT_READER, READER

VAULTS = "Microsoft.KeyVault/vaults/"
OPERATIONS = sorted({*DATA, *CONTROL})


def naive_match(pattern: str, operation: str) -> bool:
    """Try every way in which a star may stand for something, letter by letter."""
    if not pattern:
        return not operation
    if pattern[0] == "*":
        return any(naive_match(pattern[1:], operation[n:]) for n in range(len(operation) + 1))
    return (
        bool(operation)
        and pattern[0].lower() == operation[0].lower()
        and naive_match(pattern[1:], operation[1:])
    )


def naive_allows(grants: list[Grant], operation: str, *, data: bool) -> bool:
    for grant in grants:
        given = grant.data_actions if data else grant.actions
        taken = grant.not_data_actions if data else grant.not_actions
        excluded = any(naive_match(p, operation) for p in taken)
        if any(naive_match(p, operation) for p in given) and not excluded:
            return True
    return False


@st.composite
def patterns(draw: st.DrawFn) -> str:
    """A real operation with some of its parts, or of its letters, turned into stars."""
    operation = draw(st.sampled_from([*OPERATIONS, "*"]))
    start = draw(st.integers(0, len(operation)))
    end = draw(st.integers(start, len(operation)))
    how = draw(st.sampled_from(("whole", "star", "upper", "head")))
    return {
        "whole": operation,
        "star": operation[:start] + "*" + operation[end:],
        "upper": operation.upper(),
        "head": operation[:end] + "*",
    }[how]


lists = st.lists(patterns(), max_size=3).map(tuple)
roles = st.lists(
    st.builds(Grant, actions=lists, not_actions=lists, data_actions=lists, not_data_actions=lists),
    max_size=4,
)


@given(roles, st.sampled_from(OPERATIONS), st.booleans())
def test_what_roles_allow_is_what_a_naive_reader_of_the_rules_finds(
    grants: list[Grant], operation: str, data: bool
) -> None:
    assert allows(grants, operation, data=data) == naive_allows(grants, operation, data=data)


@given(roles, st.booleans())
def test_each_dangerous_permission_of_any_roles_is_found_and_no_other(
    grants: list[Grant], rbac: bool
) -> None:
    wanted = {op for op in CONTROL if naive_allows(grants, op, data=False)}
    if rbac:
        wanted |= {op for op, danger in DATA.items() if danger} & {
            op for op in DATA if naive_allows(grants, op, data=True)
        }

    found = dangers(grants, rbac=rbac)

    assert set(found) == wanted


@given(st.text("aB*/.", max_size=8), st.text("aAbB/.", max_size=8))
def test_a_pattern_covers_what_a_naive_reader_says(pattern: str, operation: str) -> None:
    assert matches(pattern, operation) == naive_match(pattern, operation)


def test_what_one_role_takes_away_another_role_may_give() -> None:
    careful = Grant(data_actions=("*",), not_data_actions=(f"{VAULTS}secrets/getSecret/action",))
    other = Grant(data_actions=(f"{VAULTS}secrets/*",))

    assert f"{VAULTS}secrets/getSecret/action" not in dangers([careful], rbac=True)
    assert f"{VAULTS}secrets/getSecret/action" in dangers([careful, other], rbac=True)


def test_the_roles_that_discovery_needs_are_no_danger() -> None:
    assert dangers([READER, KEY_VAULT_READER], rbac=True) == {}
    assert dangers([READER], rbac=False) == {}
    assert unfamiliar([READER, KEY_VAULT_READER]) == []
    assert all(allows([KEY_VAULT_READER], op, data=True) for op in DISCOVERY.lists.values())


def test_a_right_on_the_control_plane_is_none_on_the_data_plane() -> None:
    assert not allows([Grant(actions=("*",))], f"{VAULTS}secrets/getSecret/action", data=True)


@pytest.mark.parametrize("operation", sorted(SELF_GRANTING_WITH_POLICIES))
def test_who_may_write_a_vault_with_policies_could_let_itself_in(operation: str) -> None:
    grant = Grant(actions=(operation,))

    assert dangers([grant], rbac=False) == {operation: Danger.GRANTS}
    assert dangers([grant], rbac=True) == {operation: Danger.WRITES}


def test_roles_on_data_do_not_count_where_a_vault_uses_policies() -> None:
    assert dangers([Grant(data_actions=("*",))], rbac=False) == {}


@pytest.mark.parametrize(
    "pattern", [f"{VAULTS}secrets/teleport/action", f"{VAULTS}newthings/*", f"{VAULTS}KEYS/export"]
)
def test_a_data_action_that_nobody_has_heard_of_is_told(pattern: str) -> None:
    assert unfamiliar([Grant(data_actions=(pattern,))]) == [pattern]
    assert unfamiliar([Grant(data_actions=(pattern,), not_data_actions=("*",))]) == []


def test_data_actions_of_other_services_are_not_discoverys_concern() -> None:
    assert unfamiliar([Grant(data_actions=("Microsoft.Storage/*/blobs/read", "*"))]) == []


WORDS = [(kind, word, danger) for kind in POLICY for word, danger in POLICY[kind].items()]


@pytest.mark.parametrize(("kind", "word", "danger"), WORDS)
def test_each_word_of_an_access_policy_is_judged_in_any_spelling(
    kind: str, word: str, danger: Danger | None
) -> None:
    wanted = {f"{kind} {word}": danger} if danger else {}

    assert policy_dangers({kind: (word.upper(),)}) == wanted


@pytest.mark.parametrize("kind", POLICY)
def test_the_word_all_means_every_word(kind: str) -> None:
    every = {f"{kind} {word}": danger for word, danger in POLICY[kind].items() if danger}

    assert policy_dangers({kind: ("all", "list")}) == every


@pytest.mark.parametrize(("kind", "word"), [("secrets", "teleport"), ("newthings", "list")])
def test_a_word_that_nobody_has_heard_of_is_told(kind: str, word: str) -> None:
    assert policy_dangers({kind: (word,)}) == {f"{kind} {word}": Danger.UNFAMILIAR}


def test_reading_and_granting_are_what_leads_to_a_value() -> None:
    assert {danger for danger in Danger if danger.could_read} == {Danger.READS, Danger.GRANTS}


def test_every_part_of_the_data_plane_has_something_to_say() -> None:
    parts = ("secrets", "keys", "certificates", "storageaccounts")
    held = {(part, danger) for part, danger in product(parts, DATA.values()) if danger}

    assert held == {(part, danger) for part in parts for danger in (Danger.READS, Danger.WRITES)}
