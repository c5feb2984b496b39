"""A vault's settings from its JSON, the same from Resource Graph and from the management API.

What Azure leaves out stays None. Lists are put in order and ids in small letters, because the two
APIs do not write them alike, and a difference in spelling is no change.
"""

from typing import Final

from services.scanner.domain.configuration import (
    AccessPolicy,
    NetworkRules,
    PrivateEndpoint,
    VaultConfiguration,
)
from shared.clouds import wire
from shared.clouds.paging import rows

# Azure compares these words without regard to case; clients write them as they like.
_WORDS: Final = {
    word.lower(): word
    for word in ("Allow", "Deny", "AzureServices", "None", "Enabled", "Disabled", "Approved",
                 "Pending", "Rejected", "Disconnected", "Succeeded")
}  # fmt: skip


def configuration(properties: wire.Row, made: wire.Row, what: str) -> VaultConfiguration:
    """Return the settings in a vault's `properties` and `systemData`.

    Raises `UnexpectedAnswerError` for a field of another type than Azure documents.
    """
    return VaultConfiguration(
        tenant_id=wire.optional(properties, "tenantId", str, what),
        created_by=wire.optional(made, "createdBy", str, what),
        created_by_type=wire.optional(made, "createdByType", str, what),
        provisioning_state=_word(properties, "provisioningState", what),
        soft_delete=wire.optional(properties, "enableSoftDelete", bool, what),
        retention_days=wire.optional(properties, "softDeleteRetentionInDays", int, what),
        purge_protection=wire.optional(properties, "enablePurgeProtection", bool, what),
        rbac=wire.optional(properties, "enableRbacAuthorization", bool, what),
        policies=_policies(properties, what),
        public_network_access=_word(properties, "publicNetworkAccess", what),
        network=_network(properties, what),
        private_endpoints=_endpoints(properties, what),
        enabled_for_deployment=wire.optional(properties, "enabledForDeployment", bool, what),
        enabled_for_disk_encryption=wire.optional(
            properties, "enabledForDiskEncryption", bool, what
        ),
        enabled_for_template_deployment=wire.optional(
            properties, "enabledForTemplateDeployment", bool, what
        ),
    )


def _policies(properties: wire.Row, what: str) -> tuple[AccessPolicy, ...] | None:
    if properties.get("accessPolicies") is None:
        return None
    found = [_policy(row, what) for row in rows(properties, "accessPolicies", what)]
    return tuple(sorted(found, key=lambda policy: (policy.object_id, policy.application_id or "")))


def _policy(row: wire.Row, what: str) -> AccessPolicy:
    granted = wire.part(row, "permissions", what)
    application_id = wire.optional(row, "applicationId", str, what)
    return AccessPolicy(
        object_id=wire.text(row, "objectId", what).lower(),
        application_id=application_id.lower() if application_id else None,
        keys=_permissions(granted, "keys", what),
        secrets=_permissions(granted, "secrets", what),
        certificates=_permissions(granted, "certificates", what),
        storage=_permissions(granted, "storage", what),
    )


def _permissions(granted: wire.Row, kind: str, what: str) -> tuple[str, ...]:
    return tuple(sorted({word.lower() for word in wire.texts(granted, kind, what)}))


def _network(properties: wire.Row, what: str) -> NetworkRules | None:
    if properties.get("networkAcls") is None:
        return None
    found = wire.part(properties, "networkAcls", what)
    addresses = (wire.text(row, "value", what) for row in _rows(found, "ipRules", what))
    subnets = (wire.text(row, "id", what) for row in _rows(found, "virtualNetworkRules", what))
    return NetworkRules(
        default_action=_word(found, "defaultAction", what),
        bypass=_word(found, "bypass", what),
        ip_rules=tuple(sorted(set(addresses))),
        subnets=tuple(sorted({subnet.lower() for subnet in subnets})),
    )


def _endpoints(properties: wire.Row, what: str) -> tuple[PrivateEndpoint, ...] | None:
    if properties.get("privateEndpointConnections") is None:
        return None
    found = [_endpoint(row, what) for row in rows(properties, "privateEndpointConnections", what)]
    return tuple(sorted(found, key=lambda endpoint: endpoint.connection_id))


def _endpoint(row: wire.Row, what: str) -> PrivateEndpoint:
    properties = wire.part(row, "properties", what)
    endpoint_id = wire.optional(wire.part(properties, "privateEndpoint", what), "id", str, what)
    state = wire.part(properties, "privateLinkServiceConnectionState", what)
    return PrivateEndpoint(
        connection_id=wire.text(row, "id", what).lower(),
        endpoint_id=endpoint_id.lower() if endpoint_id else None,
        state=_word(state, "status", what),
    )


def _rows(row: wire.Row, name: str, what: str) -> list[wire.Row]:
    """Return a list of objects; an empty one where Azure leaves it out."""
    return [] if row.get(name) is None else rows(row, name, what)


def _word(row: wire.Row, name: str, what: str) -> str | None:
    found = wire.optional(row, name, str, what)
    return None if found is None else _WORDS.get(found.lower(), found)
