"""Subscriptions, vaults and roles as Resource Manager writes them."""

from sandbox.clock import iso
from sandbox.estate.model import Assignment, Estate, Subscription, Vault
from sandbox.names import Names
from sandbox.roles import ROLES, Role
from sandbox.wire import Document

_BUILT_IN_SINCE = "2015-02-02T21:55:09.8806423Z"


def subscription(estate: Estate, found: Subscription) -> Document:
    return {
        "id": f"/subscriptions/{found.id}",
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "subscriptionId": found.id,
        "tenantId": estate.tenant_id,
        "displayName": found.name,
        "state": found.state,
        "subscriptionPolicies": {
            "locationPlacementId": "Public_2014-09-01",
            "quotaId": "EnterpriseAgreement_2014-09-01",
            "spendingLimit": "Off",
        },
    }


def tenant(estate: Estate) -> Document:
    return {
        "id": f"/tenants/{estate.tenant_id}",
        "tenantId": estate.tenant_id,
        "countryCode": "NL",
        "displayName": estate.organization,
        "domains": [estate.domain],
        "tenantCategory": "Home",
        "defaultDomain": estate.domain,
        "tenantType": "AAD",
    }


def vault(estate: Estate, names: Names, found: Vault) -> Document:
    """Return the vault with all its properties."""
    stamp = iso(found.created)
    return {
        "id": found.resource_id,
        "name": found.name,
        "type": "Microsoft.KeyVault/vaults",
        "location": found.location,
        "tags": dict(found.tags),
        "systemData": {
            "createdBy": f"platform@{estate.domain}",
            "createdByType": "User",
            "createdAt": stamp,
            "lastModifiedBy": f"platform@{estate.domain}",
            "lastModifiedByType": "User",
            "lastModifiedAt": stamp,
        },
        "properties": vault_properties(estate, names, found),
    }


def vault_properties(estate: Estate, names: Names, found: Vault) -> Document:
    properties: Document = {
        "sku": {"family": "A", "name": found.sku},
        "tenantId": estate.tenant_id,
        "accessPolicies": [
            {
                "tenantId": estate.tenant_id,
                "objectId": policy.object_id,
                "permissions": {
                    kind: list(permissions) for kind, permissions in policy.permissions.items()
                },
            }
            for policy in found.policies
        ],
        "enabledForDeployment": False,
        "enabledForDiskEncryption": False,
        "enabledForTemplateDeployment": False,
        "enableSoftDelete": True,
        "softDeleteRetentionInDays": found.retention_days,
        "enableRbacAuthorization": found.rbac,
        "vaultUri": f"{names.vault(found.name)}/",
        "provisioningState": "Succeeded",
        "publicNetworkAccess": "Disabled" if found.firewall == "private-only" else "Enabled",
    }
    if found.purge_protection:
        properties["enablePurgeProtection"] = True
    if found.firewall != "open":
        properties["networkAcls"] = {
            "bypass": "AzureServices",
            "defaultAction": "Deny",
            "ipRules": [{"value": "198.51.100.0/24"}],
            "virtualNetworkRules": [],
        }
    return properties


def resource(found: Vault) -> Document:
    """Return the vault as a list of resources of any type shows it."""
    return {
        "id": found.resource_id,
        "name": found.name,
        "type": "Microsoft.KeyVault/vaults",
        "location": found.location,
        "tags": dict(found.tags),
    }


def permission(role: Role) -> Document:
    """Return what a role allows, as its definition and the caller's own permissions show it."""
    return {
        "actions": list(role.actions),
        "notActions": list(role.not_actions),
        "dataActions": list(role.data_actions),
        "notDataActions": list(role.not_data_actions),
    }


def role_definition(role: Role) -> Document:
    return {
        "id": f"/providers/Microsoft.Authorization/roleDefinitions/{role.id}",
        "name": role.id,
        "type": "Microsoft.Authorization/roleDefinitions",
        "properties": {
            "roleName": role.name,
            "type": "BuiltInRole",
            "description": role.description,
            "assignableScopes": ["/"],
            "permissions": [permission(role)],
            "createdOn": _BUILT_IN_SINCE,
            "updatedOn": _BUILT_IN_SINCE,
            "createdBy": None,
            "updatedBy": None,
        },
    }


def role_assignment(estate: Estate, found: Assignment) -> Document:
    parts = found.scope.split("/")
    within = f"/subscriptions/{parts[2]}" if parts[1] == "subscriptions" else ""
    definition = f"/providers/Microsoft.Authorization/roleDefinitions/{ROLES[found.role].id}"
    return {
        "id": f"{found.scope}/providers/Microsoft.Authorization/roleAssignments/{found.id}",
        "name": found.id,
        "type": "Microsoft.Authorization/roleAssignments",
        "properties": {
            "roleDefinitionId": f"{within}{definition}",
            "principalId": found.object_id,
            "principalType": "ServicePrincipal",
            "scope": found.scope,
            "condition": None,
            "conditionVersion": None,
            "createdOn": iso(estate.made_at),
            "updatedOn": iso(estate.made_at),
            "createdBy": None,
            "updatedBy": None,
            "delegatedManagedIdentityResourceId": None,
            "description": None,
        },
    }
