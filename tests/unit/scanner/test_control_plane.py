"""Settings that changed, what a role allows, and the budget of management reads."""

import asyncio
import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scanner.domain.configuration import (
    AccessPolicy,
    VaultConfiguration,
    as_facts,
    setting_changes,
)
from services.scanner.domain.grants import (
    READ_VALUE,
    Permission,
    RoleDefinition,
    is_at_or_above,
)
from services.scanner.domain.outcome import unlisted_subscription
from services.scanner.domain.own_budget import MANAGEMENT_BURST_SECONDS, MANAGEMENT_RATE, Budget
from services.scanner.domain.remedy import grant_reader
from services.scanner.steps.own_pace import LONGEST_HOLD_SECONDS, ManagementPacing
from tests.support.scanner import ASSIGNEE

facts = st.dictionaries(
    st.sampled_from(["sku", "rbac", "tags", "policies"]), st.none() | st.booleans() | st.text()
)
words = st.lists(
    st.sampled_from(
        [
            "*",
            "*/read",
            "Microsoft.KeyVault/*",
            "microsoft.keyvault/vaults/secrets/*",
            "Microsoft.KeyVault/vaults/*/action",
            "Microsoft.KeyVault/vaults/secrets/getSecret/action",
            "Microsoft.KeyVault/vaults/keys/*",
            "Microsoft.Storage/*",
        ]
    ),
    max_size=3,
).map(tuple)


@given(facts, facts)
def test_the_feed_tells_exactly_what_is_known_on_both_sides_and_differs(
    before: dict[str, object], after: dict[str, object]
) -> None:
    told = {
        change.field: (change.before, change.after) for change in setting_changes(before, after)
    }

    assert told == {
        name: (before[name], after[name])
        for name in before.keys() & after.keys()
        if before[name] != after[name]
    }


@given(facts)
def test_what_stays_as_it_is_has_no_entry(same: dict[str, object]) -> None:
    assert setting_changes(same, same) == []


def test_what_azure_left_out_is_not_off() -> None:
    unknown, off = VaultConfiguration(), VaultConfiguration(purge_protection=False, policies=())

    assert (as_facts(unknown)["purge_protection"], as_facts(unknown)["policies"]) == (None, None)
    assert (as_facts(off)["purge_protection"], as_facts(off)["policies"]) == (False, [])


def test_settings_are_written_as_json_reads_them_back() -> None:
    policy = AccessPolicy(object_id="o", secrets=("get",))

    [written] = as_facts(VaultConfiguration(policies=(policy,)))["policies"]

    assert written == {
        "object_id": "o",
        "application_id": None,
        "keys": [],
        "secrets": ["get"],
        "certificates": [],
        "storage": [],
    }


@given(words, words)
def test_a_role_reads_values_if_a_data_action_says_so_and_none_takes_it_back(
    allowed: tuple[str, ...], refused: tuple[str, ...]
) -> None:
    role = RoleDefinition(
        id="r",
        name="Looks harmless",
        custom=True,
        permissions=(Permission(data_actions=allowed, not_data_actions=refused),),
    )

    def named(patterns: tuple[str, ...]) -> bool:
        return any(fnmatch.fnmatchcase(READ_VALUE.lower(), p.lower()) for p in patterns)

    assert role.reads_values == (named(allowed) and not named(refused))


def test_another_permission_of_the_same_role_is_not_taken_back() -> None:
    permissions = (
        Permission(data_actions=("*",), not_data_actions=(READ_VALUE,)),
        Permission(data_actions=(READ_VALUE,)),
    )

    assert RoleDefinition(id="r", name="n", custom=True, permissions=permissions).reads_values


def test_an_action_on_the_management_plane_reads_no_value() -> None:
    owner = RoleDefinition(
        id="r", name="Owner", custom=False, permissions=(Permission(actions=("*",)),)
    )

    assert not owner.reads_values
    assert owner.vault_data_actions == ()


def test_a_roles_data_actions_on_vaults_are_those_that_can_match_one() -> None:
    vaults = ("*", "*/read", "Microsoft.*", "Microsoft.KeyVault/vaults/keys/sign/action")
    others = ("Microsoft.Storage/*", "Microsoft.KeyVault/managedHSMs/*", "Other/read")
    role = RoleDefinition(
        id="r", name="n", custom=True, permissions=(Permission(data_actions=vaults + others),)
    )

    assert set(role.vault_data_actions) == set(vaults)


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ("/", True),
        ("/subscriptions/s", True),
        ("/providers/microsoft.management/managementgroups/mg-above", True),
        ("/providers/microsoft.management/managementgroups/mg-beside", False),
        ("/subscriptions/s/resourcegroups/rg", False),
        ("/subscriptions/s2", False),
    ],
)
def test_above_a_subscription_are_the_root_and_its_own_groups(scope: str, expected: bool) -> None:
    assert is_at_or_above(scope, "s", ["MG-Above"]) is expected


@given(st.lists(st.floats(0, 0.5), min_size=1, max_size=300))
def test_a_subscription_is_asked_a_quarter_of_what_azure_grants(gaps: list[float]) -> None:
    budget = Budget(MANAGEMENT_RATE, burst_seconds=MANAGEMENT_BURST_SECONDS)
    now, begins = 1000.0, []
    for gap in gaps:
        now += gap
        begins.append(now + budget.take(now))

    for start in begins:
        within = sum(start <= begin < start + 10 for begin in begins)
        assert within <= 250 / 4 + 10 * 25 / 4 + 2


def test_a_held_budget_gives_no_place_before_its_time() -> None:
    budget = Budget(10.0)
    budget.slow_down(1000.0, 7.0)

    assert budget.take(1000.0) >= 7.0
    budget.slow_down(1000.0, 1.0)
    assert budget.take(1000.0) >= 7.0, "a shorter wait does not shorten a longer one"


async def test_azures_wait_holds_the_whole_subscription_and_no_other() -> None:
    pacing = ManagementPacing()
    pacing.hold("SUB-1", 3600.0)
    now = asyncio.get_running_loop().time()

    assert LONGEST_HOLD_SECONDS <= pacing.budget("sub-1").take(now) <= LONGEST_HOLD_SECONDS + 1
    assert pacing.budget("sub-2").take(now) == 0.0
    assert pacing.budget("sub-1").rate == MANAGEMENT_RATE / 2


def test_what_could_not_be_listed_says_why_and_what_to_do() -> None:
    advice = grant_reader("/subscriptions/s1", ASSIGNEE)
    sentence = unlisted_subscription("s1", "No role allows it.", advice)

    assert "subscription s1 could not be listed" in sentence
    assert "No role allows it." in sentence
    assert (
        'az role assignment create --assignee "discover-id" --role "Reader"'
        ' --scope "/subscriptions/s1"'
    ) in sentence
    assert not unlisted_subscription("s1", "It failed.", "").endswith(" ")
