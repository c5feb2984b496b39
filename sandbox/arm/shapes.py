"""Subscriptions and vaults as Resource Manager writes them."""

from sandbox.clock import iso
from sandbox.estate.control_plane import NetworkAcls, PrivateEndpoint
from sandbox.estate.model import AccessPolicy, Estate, Subscription, Vault
from sandbox.names import Names
from sandbox.wire import Document

_CLOSED = NetworkAcls(default_action="Deny", ip_rules=("198.51.100.0/24",))


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
    return {
        "id": found.resource_id,
        "name": found.name,
        "type": "Microsoft.KeyVault/vaults",
        "location": found.location,
        "tags": dict(found.tags),
        "systemData": system_data(estate, found),
        "properties": vault_properties(estate, names, found),
    }


def system_data(estate: Estate, found: Vault) -> Document:
    """Return who made the vault and changed it last, and when."""
    stamp, settings = iso(found.created), found.settings
    by = settings.created_by or f"platform@{estate.domain}"
    return {
        "createdBy": by,
        "createdByType": settings.created_by_type,
        "createdAt": stamp,
        "lastModifiedBy": by,
        "lastModifiedByType": settings.created_by_type,
        "lastModifiedAt": stamp,
    }


def vault_properties(estate: Estate, names: Names, found: Vault) -> Document:
    """Return the properties; purge protection is shown only where it is on, as in Azure."""
    settings = found.settings
    properties: Document = {
        "sku": {"family": "A", "name": found.sku},
        "tenantId": estate.tenant_id,
        "accessPolicies": [_policy(estate, policy) for policy in found.policies],
        "enabledForDeployment": "Deployment" in settings.enabled_for,
        "enabledForDiskEncryption": "DiskEncryption" in settings.enabled_for,
        "enabledForTemplateDeployment": "TemplateDeployment" in settings.enabled_for,
        "enableSoftDelete": True,
        "softDeleteRetentionInDays": found.retention_days,
        "enableRbacAuthorization": found.rbac,
        "vaultUri": f"{names.vault(found.name)}/",
        "provisioningState": "Succeeded",
        "publicNetworkAccess": "Disabled" if found.firewall == "private-only" else "Enabled",
    }
    if found.purge_protection:
        properties["enablePurgeProtection"] = True
    network = settings.network or (_CLOSED if found.firewall != "open" else None)
    if network is not None:
        properties["networkAcls"] = _network(network)
    if settings.endpoints:
        properties["privateEndpointConnections"] = [
            _endpoint(found, endpoint) for endpoint in settings.endpoints
        ]
    return {name: value for name, value in properties.items() if name not in settings.left_out}


def _policy(estate: Estate, policy: AccessPolicy) -> Document:
    permissions = {kind: list(granted) for kind, granted in policy.permissions.items()}
    if policy.storage:
        permissions["storage"] = list(policy.storage)  # type: ignore[index] # one more kind here
    shown: Document = {
        "tenantId": estate.tenant_id,
        "objectId": policy.object_id,
        "permissions": permissions,
    }
    if policy.application_id is not None:
        shown["applicationId"] = policy.application_id
    return shown


def _network(network: NetworkAcls) -> Document:
    return {
        "bypass": network.bypass,
        "defaultAction": network.default_action,
        "ipRules": [{"value": address} for address in network.ip_rules],
        "virtualNetworkRules": [
            {"id": subnet, "ignoreMissingVnetServiceEndpoint": False} for subnet in network.subnets
        ],
    }


def _endpoint(found: Vault, endpoint: PrivateEndpoint) -> Document:
    return {
        "id": f"{found.resource_id}/privateEndpointConnections/{endpoint.name}",
        "etag": "",
        "properties": {
            "privateEndpoint": {"id": endpoint.endpoint_id},
            "privateLinkServiceConnectionState": {
                "status": endpoint.state,
                "description": "",
                "actionsRequired": "None",
            },
            "provisioningState": "Succeeded",
        },
    }


def resource(found: Vault) -> Document:
    """Return the vault as a list of resources of any type shows it."""
    return {
        "id": found.resource_id,
        "name": found.name,
        "type": "Microsoft.KeyVault/vaults",
        "location": found.location,
        "tags": dict(found.tags),
    }
