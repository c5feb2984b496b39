"""Where a role holds in the simulated cloud, and what it takes away."""

from dataclasses import replace

import pytest

from sandbox.access import Access, management_group
from sandbox.estate.model import AccessPolicy, Assignment, Estate, Subscription, Vault
from sandbox.roles import ROLES

ME, GROUP, TENANT = "me", "group", "tenant-id"
VAULT = Vault(
    name="kv-a", subscription_id="sub-1", resource_group="rg", location="westeurope", created=1
)
LISTS = "Microsoft.KeyVault/vaults/secrets/readMetadata/action"
WRITES_ROLES = "Microsoft.Authorization/roleAssignments/write"


def access(*given: tuple[str, str], holder: str = ME) -> Access:
    """Return the access of an object, in one group, where a holder has these roles on scopes."""
    estate = Estate(
        tenant_id=TENANT,
        organization="Contoso",
        domain="contoso.example",
        profile="test",
        seed=1,
        made_at=1,
        subscriptions=[Subscription("sub-1", "One"), Subscription("sub-2", "Two")],
        assignments=[
            Assignment(str(n), scope, holder, role) for n, (scope, role) in enumerate(given)
        ],
        memberships={ME: frozenset({GROUP})},
    )
    estate.add_vault(VAULT)
    return Access(estate)


@pytest.mark.parametrize(
    "scope",
    [
        "/",
        management_group(TENANT),
        "/providers/Microsoft.Management/managementGroups/Contoso",
        "/subscriptions/SUB-1",
        "/subscriptions/sub-1/resourceGroups/RG",
        VAULT.resource_id.upper(),
    ],
)
def test_a_role_holds_on_its_scope_and_on_everything_below(scope: str) -> None:
    found = access((scope, "Key Vault Reader"))

    assert found.may(ME, VAULT, "secrets", "list")
    assert found.allows(ME, LISTS, VAULT.resource_id, data=True)
    assert found.sees_subscription(ME, "sub-1")
    assert found.roles(ME, VAULT.resource_id) == [ROLES["Key Vault Reader"]]


@pytest.mark.parametrize(
    "scope",
    [
        management_group("another"),
        "/subscriptions/sub-10",
        "/subscriptions/sub-1/resourceGroups/rg-2",
        f"{VAULT.resource_id}-b",
        f"{VAULT.resource_id}/secrets/one",
    ],
)
def test_a_role_holds_nowhere_else(scope: str) -> None:
    assert not access((scope, "Key Vault Reader")).may(ME, VAULT, "secrets", "list")


def test_a_subscription_shows_itself_to_who_holds_a_role_within_it_and_to_nobody_else() -> None:
    found = access((VAULT.resource_id, "Key Vault Reader"))

    assert found.sees_subscription(ME, "sub-1")
    assert not found.sees_subscription(ME, "sub-2")
    assert not found.sees_subscription("somebody", "sub-1")


def test_what_contributor_excludes_it_does_not_allow_but_another_role_may() -> None:
    contributor = ("/subscriptions/sub-1", "Contributor")

    assert not access(contributor).allows(ME, WRITES_ROLES, VAULT.resource_id)
    assert access(contributor).allows(ME, "Microsoft.KeyVault/vaults/write", VAULT.resource_id)
    assert access(contributor, ("/", "Owner")).allows(ME, WRITES_ROLES, VAULT.resource_id)


def test_what_a_group_is_given_its_members_have_and_nobody_else() -> None:
    found = access((VAULT.resource_id, "Key Vault Reader"), holder=GROUP)
    policies = (AccessPolicy(GROUP, {"keys": ("list",)}),)
    with_policies = replace(VAULT, rbac=False, policies=policies)

    assert found.roles(ME, VAULT.resource_id) == [ROLES["Key Vault Reader"]]
    assert found.sees_subscription(ME, "sub-1")
    assert found.may(ME, with_policies, "keys", "list")
    assert found.roles("somebody", VAULT.resource_id) == []
    assert not found.sees_subscription("somebody", "sub-1")
    assert not found.may("somebody", with_policies, "keys", "list")
