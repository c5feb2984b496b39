"""The rows of Resource Graph's tables, as far as a caller may read them."""

from collections.abc import Sequence
from typing import Final

from sandbox.arm import account_shapes, role_shapes, shapes
from sandbox.arm.kusto import Row
from sandbox.arm.roles import covers
from sandbox.estate.accounts import Account
from sandbox.estate.model import Assignment, Subscription, Vault
from sandbox.tokens import Caller
from sandbox.wire import Document
from sandbox.world import World

_READ_VAULT: Final = "Microsoft.KeyVault/vaults/read"
_READ_ROLES: Final = "Microsoft.Authorization/roleAssignments/read"
_AUTHORIZATION: Final = {
    "AtScopeAndBelow": (True, False, True),
    "AtScopeAndAbove": (True, True, False),
    "AtScopeAboveAndBelow": (True, True, True),
    "AtScopeExact": (True, False, False),
}


def resources(world: World, caller: Caller, seen: Sequence[Subscription]) -> list[Row]:
    """Return what the caller may read in these subscriptions; of the rest, nothing."""
    vaults = [
        _vault(world, vault)
        for subscription in seen
        for vault in world.estate.vaults_of(subscription.id)
        if world.access.allows(caller.object_id, _READ_VAULT, vault.resource_id)
    ]
    return vaults + [
        _account(world, account)
        for subscription in seen
        for account in world.estate.accounts.of(subscription.id)
        if world.access.allows(caller.object_id, f"{account.type}/read", account.resource_id)
    ]


def containers(world: World, seen: Sequence[Subscription]) -> list[Row]:
    return [_subscription(world, found) for found in seen]


def authorization(
    world: World, caller: Caller, seen: Sequence[Subscription], scope_filter: str
) -> list[Row]:
    """Return role assignments and definitions; `scope_filter` in the words of the API."""
    exact, above, below = _AUTHORIZATION[scope_filter]

    def is_wanted(found: Assignment) -> bool:
        for subscription in seen:
            own = f"/subscriptions/{subscription.id}"
            if found.scope.lower() == own:
                wanted = exact
            elif covers(world.estate, found.scope, own):
                wanted = above
            else:
                wanted = below and covers(world.estate, own, found.scope)
                own = found.scope
            if wanted and world.access.allows(caller.object_id, _READ_ROLES, own):
                return True
        return False

    assignments = [
        role_shapes.role_assignment(world.estate, found)
        for found in world.estate.assignments
        if is_wanted(found)
    ]
    roles = [role_shapes.role_definition(role) for role in world.estate.roles().values()]
    return [_authorization(world, document) for document in (*assignments, *roles)]


def _vault(world: World, vault: Vault) -> Row:
    return {
        "id": vault.resource_id,
        "name": vault.name,
        "type": "microsoft.keyvault/vaults",
        "tenantId": world.estate.tenant_id,
        "kind": "",
        "location": vault.location,
        "resourceGroup": vault.resource_group.lower(),
        "subscriptionId": vault.subscription_id,
        "managedBy": "",
        "sku": None,
        "plan": None,
        "properties": shapes.vault_properties(world.estate, world.names, vault),
        "tags": dict(vault.tags) or None,
        "identity": None,
        "zones": None,
        "extendedLocation": None,
        "systemData": shapes.system_data(world.estate, vault),
    }


def _account(world: World, found: Account) -> Row:
    shown = account_shapes.account(found, world.names)
    return {
        **shown,
        "type": found.type.lower(),
        "tenantId": world.estate.tenant_id,
        "kind": found.kind.lower(),
        "resourceGroup": found.resource_group.lower(),
        "subscriptionId": found.subscription_id,
        "sku": shown.get("sku"),
        "tags": dict(found.tags) or None,
    }


def _subscription(world: World, found: Subscription) -> Row:
    chain = [
        {"displayName": group.display_name, "name": group.name}
        for group in world.estate.groups_above(found.id)
    ]
    return {
        "id": f"/subscriptions/{found.id}",
        "name": found.name,
        "type": "microsoft.resources/subscriptions",
        "tenantId": world.estate.tenant_id,
        "subscriptionId": found.id,
        "location": "",
        "resourceGroup": "",
        "tags": None,
        "properties": {
            "state": found.state,
            "managedByTenants": [],
            "managementGroupAncestorsChain": chain,
        },
    }


def _authorization(world: World, document: Document) -> Row:
    parts = str(document["id"]).lower().split("/")
    return {
        **document,
        "type": str(document["type"]).lower(),
        "tenantId": world.estate.tenant_id,
        "location": "global",
        "resourceGroup": parts[4] if parts[3:4] == ["resourcegroups"] else "",
        "subscriptionId": parts[2] if parts[1:2] == ["subscriptions"] else "",
    }


def is_scope_filter(text: object) -> bool:
    """Say whether the API knows this authorizationScopeFilter."""
    return text in _AUTHORIZATION
