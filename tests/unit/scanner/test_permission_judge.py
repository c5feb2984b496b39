"""Needed, have, missing, excess, unknown: each with its reason and the line that mends it."""

from dataclasses import replace

import pytest

from services.scanner.domain.permission_catalogue import CONTROL, DATA, DISCOVERY, POLICY, Danger
from services.scanner.domain.permission_facts import Facts, PolicyEntry, Probe, SubscriptionFacts
from services.scanner.domain.permission_grants import Grant
from services.scanner.domain.permission_judge import Verdict, judge
from services.scanner.domain.permission_row import Row, State
from shared.events.permissions import Answer
from tests.support.permissions import (
    CLOSED,
    DENIED,
    GROUP,
    KINDS,
    LIST_ONLY,
    ME,
    NO,
    READER,
    STRANGER,
    an_assignment,
    an_identity,
    policy_vault,
    rbac_vault,
    the_facts,
)
from tests.support.scanner import EAST

VAULTS = "Microsoft.KeyVault/vaults/"
DATA_DANGERS = {operation: danger for operation, danger in DATA.items() if danger}
WORDS = [(k, w, d) for k, words in POLICY.items() for w, d in words.items() if d]
GET_SECRET = Grant(data_actions=(f"{VAULTS}secrets/getSecret/action",))
VAULT_ID = rbac_vault().vault.resource_id


def of(verdict: Verdict, *states: State) -> list[Row]:
    return [row for row in verdict.rows if row.state in states]


def not_held(facts: Facts) -> list[Row]:
    return [row for row in judge(DISCOVERY, facts).rows if row.state is not State.HAVE]


def the_row(facts: Facts) -> Row:
    """The one row that is not `have`."""
    (row,) = not_held(facts)
    return row


def test_the_least_identity_has_everything_and_could_read_nothing() -> None:
    verdict = judge(DISCOVERY, the_facts())

    assert verdict.count(State.HAVE) == len(verdict.rows) > 0
    assert verdict.could_read_values is Answer.NO
    assert {vault.could_read_values for vault in verdict.vaults} == {Answer.NO}
    assert {row.scope for row in verdict.rows} == {
        "/",
        f"/subscriptions/{EAST}",
        VAULT_ID,
        policy_vault().vault.resource_id,
        "Microsoft Graph",
    }


def test_a_missing_role_on_a_vault_is_one_row_with_the_line_by_id_and_name() -> None:
    row = the_row(the_facts(rbac_vault(lists=DENIED)))

    assert row.state is State.MISSING
    assert row.permission == ", ".join(DISCOVERY.lists.values())
    assert row.vault_name == "kv-rbac"
    assert row.remedy == (
        f'az role assignment create --assignee-object-id "{ME}" --assignee-principal-type'
        ' ServicePrincipal --role "21090545-7ca7-4776-b22c-e363652d74d2"'
        f' --scope "{VAULT_ID}"  # Key Vault Reader'
    )


@pytest.mark.parametrize("kind", KINDS)
def test_each_missing_list_of_a_vault_with_roles_is_named_alone(kind: str) -> None:
    lists = rbac_vault().lists | {kind: NO}

    row = the_row(the_facts(rbac_vault(lists=lists)))

    assert (row.state, row.permission) == (State.MISSING, DISCOVERY.lists[kind])
    assert kind in row.why


@pytest.mark.parametrize("kind", KINDS)
def test_each_missing_word_of_a_policy_is_one_row_that_adds_this_word_only(kind: str) -> None:
    lists = policy_vault().lists | {kind: NO}

    row = the_row(the_facts(policy_vault(lists=lists)))

    assert (row.state, row.permission) == (State.MISSING, f"{kind} list")
    assert row.remedy == (
        'az keyvault set-policy --name "kv-policy" --resource-group "rg" --subscription'
        f' "{EAST}" --object-id "{ME}" --{kind.removesuffix("s")}-permissions list'
    )


def test_a_subscription_whose_vaults_may_not_be_listed_lacks_reader() -> None:
    one = SubscriptionFacts(id=EAST, name="East", vaults=NO)

    row = the_row(the_facts(subscriptions=(one,)))

    assert (row.state, row.permission) == (State.MISSING, f"{VAULTS}read")
    assert row.remedy
    assert '--role "acdd72a7-3385-48ef-bd42-f606fba81ae7"' in row.remedy
    assert row.remedy.endswith(f'--scope "/subscriptions/{EAST}"  # Reader')
    assert judge(DISCOVERY, the_facts(subscriptions=(one,))).could_read_values is Answer.UNKNOWN


def test_a_resource_graph_that_refuses_lacks_reader() -> None:
    row = the_row(the_facts(resource_graph=NO))

    assert (row.state, row.permission) == (State.MISSING, "Microsoft.ResourceGraph/resources/read")
    assert row.remedy
    assert "# Reader" in row.remedy


def test_a_directory_that_refuses_lacks_the_application_permission() -> None:
    row = the_row(the_facts(applications=NO, identity=an_identity(graph_roles=frozenset())))

    assert (row.state, row.permission, row.scope) == (
        State.MISSING,
        "Application.Read.All",
        "Microsoft Graph",
    )
    assert row.remedy
    assert f"/servicePrincipals/{ME}/appRoleAssignments" in row.remedy
    assert "9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30" in row.remedy


def test_an_identity_that_sees_nothing_lacks_reader_and_would_need_the_next_role() -> None:
    facts = the_facts(subscriptions=(), visible=Probe(Answer.YES))
    verdict = judge(DISCOVERY, replace(facts, vaults=()))

    missing, needed = of(verdict, State.MISSING), of(verdict, State.NEEDED)
    assert [row.permission for row in missing] == [f"{VAULTS}read"]
    assert missing[0].remedy
    assert [row.permission for row in needed] == [
        "Key Vault Reader (21090545-7ca7-4776-b22c-e363652d74d2)"
    ]
    assert verdict.could_read_values is Answer.UNKNOWN


def test_subscriptions_that_could_not_be_asked_for_are_unknown_and_not_missing() -> None:
    facts = replace(the_facts(subscriptions=(), visible=CLOSED), vaults=())
    row = next(row for row in not_held(facts) if row.permission == f"{VAULTS}read")

    assert (row.state, row.why, row.remedy) == (State.UNKNOWN, CLOSED.reason, None)


@pytest.mark.parametrize(("operation", "danger"), DATA_DANGERS.items())
def test_each_dangerous_data_action_is_found_with_the_assignment_to_delete(
    operation: str, danger: Danger
) -> None:
    grant = Grant(data_actions=(operation,))
    given = an_assignment(grant)
    facts = the_facts(rbac_vault(grant, assignments=(given,)))

    row, verdict = the_row(facts), judge(DISCOVERY, facts)

    assert (row.state, row.permission) == (State.EXCESS, operation)
    assert row.scope == given.scope
    assert row.remedy == f'az role assignment delete --ids "{given.id}"  # Some Role'
    assert row.reads_values is danger.could_read
    assert verdict.could_read_values is (Answer.YES if danger.could_read else Answer.NO)


@pytest.mark.parametrize("operation", CONTROL)
@pytest.mark.parametrize("make", [rbac_vault, policy_vault])
def test_each_dangerous_action_of_the_control_plane_is_found(operation: str, make: object) -> None:
    grants = (READER, Grant(actions=(operation,)))
    facts = the_facts(
        rbac_vault(grants=grants) if make is rbac_vault else policy_vault(grants=grants)
    )

    row = the_row(facts)

    assert (row.state, row.permission) == (State.EXCESS, operation)
    assert row.remedy
    assert row.remedy.startswith("az role assignment list --assignee")


@pytest.mark.parametrize(("kind", "word", "danger"), WORDS)
def test_each_dangerous_word_of_an_own_policy_is_found_and_cut_back_to_list(
    kind: str, word: str, danger: Danger
) -> None:
    entry = PolicyEntry(object_id=ME, permissions={**LIST_ONLY.permissions, kind: ("list", word)})
    facts = the_facts(policy_vault(entry))

    row, verdict = the_row(facts), judge(DISCOVERY, facts)

    flag = f"--{kind.removesuffix('s')}-permissions"
    assert (row.state, row.permission) == (State.EXCESS, f"{kind} {word}")
    assert row.remedy
    assert row.remedy.endswith(flag if kind == "storage" else f"{flag} list")
    assert f'--object-id "{ME}"' in row.remedy
    assert verdict.could_read_values is (Answer.YES if danger.could_read else Answer.NO)


def test_one_role_over_many_vaults_is_one_row_for_each_danger() -> None:
    owner = Grant(actions=("*",))
    given = an_assignment(owner, role_name="Owner")
    vaults = [
        rbac_vault(owner, assignments=(given,), vault=replace(rbac_vault().vault, resource_id=name))
        for name in ("/subscriptions/sub-east/a", "/subscriptions/sub-east/b")
    ]

    rows = not_held(the_facts(*vaults))

    assert {row.scope for row in rows} == {given.scope}
    assert len(rows) == len(set(CONTROL.values()))
    assert all("in 2 vaults" in row.why for row in rows)
    assert [row.reads_values for row in rows] == sorted(
        (row.reads_values for row in rows), reverse=True
    )


def test_a_role_that_comes_by_a_group_is_left_not_deleted_for_its_others() -> None:
    given = an_assignment(GET_SECRET, principal_id=GROUP)

    row = the_row(the_facts(rbac_vault(GET_SECRET, assignments=(given,))))

    assert row.remedy
    assert row.remedy.startswith(f'az ad group member remove --group "{GROUP}" --member-id "{ME}"')


def test_a_role_on_one_secret_is_found_although_the_vaults_permissions_do_not_tell_it() -> None:
    given = an_assignment(GET_SECRET, f"{VAULT_ID}/secrets/db")
    facts = the_facts(rbac_vault(assignments=(given,)))

    row = the_row(facts)

    assert (row.state, row.scope) == (State.EXCESS, f"{VAULT_ID}/secrets/db")
    assert judge(DISCOVERY, facts).could_read_values is Answer.YES


def test_permissions_that_could_not_be_asked_for_are_taken_from_the_roles_that_are_known() -> None:
    given = an_assignment(GET_SECRET)
    blind = rbac_vault(granted=CLOSED, grants=(), assignments=(given,))

    assert judge(DISCOVERY, the_facts(blind)).could_read_values is Answer.YES


@pytest.mark.parametrize("granted", [CLOSED, NO])
def test_a_vault_whose_permissions_are_not_told_is_unknown(granted: Probe) -> None:
    facts = the_facts(rbac_vault(granted=granted, grants=()))

    row, verdict = the_row(facts), judge(DISCOVERY, facts)

    assert (row.state, bool(row.remedy)) == (State.UNKNOWN, granted is NO)
    assert granted.reason in row.why
    assert verdict.could_read_values is Answer.UNKNOWN


@pytest.mark.parametrize("assigned", [CLOSED, NO])
def test_roles_on_single_items_that_cannot_be_listed_leave_the_answer_open(
    assigned: Probe,
) -> None:
    one = SubscriptionFacts(id=EAST, name="East", vaults=Probe(Answer.YES), assigned=assigned)
    facts = the_facts(rbac_vault(assignments=None), subscriptions=(one,))

    row, verdict = the_row(facts), judge(DISCOVERY, facts)

    assert (row.state, bool(row.remedy)) == (State.UNKNOWN, assigned is NO)
    assert row.permission == "Microsoft.Authorization/roleAssignments/read"
    assert verdict.could_read_values is Answer.UNKNOWN


def test_a_vault_behind_a_firewall_is_unknown_with_the_reason_and_never_held() -> None:
    lists = dict.fromkeys(KINDS, CLOSED)
    facts = the_facts(rbac_vault(lists=lists))

    row = the_row(facts)

    assert (row.state, row.why, row.remedy) == (State.UNKNOWN, CLOSED.reason, None)


def test_an_unfamiliar_data_action_is_too_much_and_leaves_the_answer_open() -> None:
    odd = Grant(data_actions=(f"{VAULTS}secrets/teleport/action",))
    facts = the_facts(rbac_vault(odd))

    row, verdict = the_row(facts), judge(DISCOVERY, facts)

    assert (row.state, row.permission) == (State.EXCESS, odd.data_actions[0])
    assert "unknown to this release" in row.why
    assert verdict.could_read_values is Answer.UNKNOWN


def test_an_unfamiliar_word_of_a_policy_leaves_the_answer_open() -> None:
    facts = the_facts(policy_vault(PolicyEntry(object_id=ME, permissions={"keys": ("teleport",)})))

    assert the_row(facts).permission == "keys teleport"
    assert judge(DISCOVERY, facts).could_read_values is Answer.UNKNOWN


OTHERS = PolicyEntry(object_id=GROUP, permissions={"secrets": ("get", "list")})


def test_a_policy_of_a_group_counts_where_the_token_tells_the_group() -> None:
    facts = the_facts(
        policy_vault(LIST_ONLY, OTHERS), identity=an_identity(groups=frozenset({GROUP}))
    )

    row = the_row(facts)

    assert (row.state, row.permission) == (State.EXCESS, "secrets get")
    assert row.remedy
    assert row.remedy.startswith("az ad group member remove")
    assert judge(DISCOVERY, facts).could_read_values is Answer.YES


def test_a_policy_of_somebody_else_does_not_count_where_the_token_tells_the_groups() -> None:
    facts = the_facts(policy_vault(LIST_ONLY, OTHERS))

    assert not_held(facts) == []
    assert judge(DISCOVERY, facts).could_read_values is Answer.NO


def test_a_policy_that_may_be_a_groups_is_honestly_unknown() -> None:
    facts = the_facts(
        policy_vault(LIST_ONLY, OTHERS), identity=an_identity(groups=None), grouped=CLOSED
    )

    row, verdict = the_row(facts), judge(DISCOVERY, facts)

    assert (row.state, row.permission) == (State.UNKNOWN, "access policies")
    assert GROUP in row.why
    assert CLOSED.reason in row.why
    assert verdict.could_read_values is Answer.UNKNOWN


def test_harmless_policies_of_others_leave_nothing_open() -> None:
    harmless = PolicyEntry(object_id=STRANGER, permissions={"keys": ("get", "encrypt")})
    facts = the_facts(policy_vault(LIST_ONLY, harmless), identity=an_identity(groups=None))

    assert judge(DISCOVERY, facts).could_read_values is Answer.NO


def test_policies_that_cannot_be_read_are_unknown() -> None:
    facts = the_facts(policy_vault(policies=None))

    assert (the_row(facts).state, the_row(facts).permission) == (State.UNKNOWN, "access policies")
    assert judge(DISCOVERY, facts).could_read_values is Answer.UNKNOWN


def test_without_an_identity_no_policy_can_be_told_to_be_its_own() -> None:
    facts = the_facts(policy_vault(lists=DENIED), identity=None, identified=CLOSED)

    verdict = judge(DISCOVERY, facts)

    assert verdict.could_read_values is Answer.UNKNOWN
    (unknown,) = of(verdict, State.UNKNOWN)
    assert unknown.why == CLOSED.reason
    (missing,) = of(verdict, State.MISSING)
    assert missing.remedy
    assert "<object id of the scanner's identity>" in missing.remedy


def test_a_danger_is_told_also_of_an_identity_whose_token_is_mute() -> None:
    given = an_assignment(GET_SECRET)
    facts = the_facts(
        rbac_vault(GET_SECRET, assignments=(given,)), identity=None, identified=CLOSED
    )

    (row,) = of(judge(DISCOVERY, facts), State.EXCESS)

    assert row.reads_values
    assert row.remedy
    assert row.remedy.startswith("az role assignment list")
    assert judge(DISCOVERY, facts).could_read_values is Answer.YES


def test_a_graph_role_beyond_what_is_needed_is_too_much_with_the_line_that_revokes_it() -> None:
    roles = frozenset({"Application.Read.All", "Application.ReadWrite.All"})

    row = the_row(the_facts(identity=an_identity(graph_roles=roles)))

    assert (row.state, row.permission) == (State.EXCESS, "Application.ReadWrite.All")
    assert row.remedy
    assert "az rest --method DELETE" in row.remedy
    assert f"/servicePrincipals/{ME}/appRoleAssignments" in row.remedy


def test_a_persons_token_does_not_tell_application_permissions() -> None:
    row = the_row(the_facts(identity=an_identity(graph_roles=None)))

    assert (row.state, row.scope) == (State.UNKNOWN, "Microsoft Graph")


def test_a_person_is_assigned_a_role_as_a_user() -> None:
    facts = the_facts(rbac_vault(lists=DENIED), identity=an_identity(is_application=False))

    remedy = the_row(facts).remedy

    assert remedy
    assert "--assignee-principal-type User" in remedy


@pytest.mark.parametrize(
    ("scope", "covers"),
    [
        ("/", True),
        ("/providers/Microsoft.Management/managementGroups/root", True),
        (f"/Subscriptions/{EAST.upper()}", True),
        ("/subscriptions/sub-east-2", False),
        (f"{VAULT_ID}/", True),
        (f"{VAULT_ID}-other", False),
        (f"{VAULT_ID}/secrets/db", False),
    ],
)
def test_an_assignment_holds_for_its_scope_and_what_is_below(scope: str, covers: bool) -> None:
    assert an_assignment(READER, scope).covers(VAULT_ID) is covers
