"""What the sandbox says is true, as the inventory's values.

Written apart from the adapters on purpose: were both to share code, both could be wrong alike.
"""

import base64
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from services.scanner.domain.configuration import (
    AccessPolicy,
    NetworkRules,
    PrivateEndpoint,
    VaultConfiguration,
)
from services.scanner.domain.directory import (
    ApplicationKind,
    DirectoryObject,
    FederatedCredential,
    Owner,
)
from services.scanner.domain.inventory import (
    Application,
    Credential,
    Item,
    ItemKind,
    Subscription,
    VaultRef,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
KINDS = {
    "secrets": ItemKind.SECRET,
    "keys": ItemKind.KEY,
    "certificates": ItemKind.CERTIFICATE,
}
Document = Mapping[str, Any]


def subscriptions(truth: Document) -> list[Subscription]:
    found = [
        Subscription(id=each["subscriptionId"], name=each["displayName"], state=each["state"])
        for each in truth["subscriptions"]
    ]
    return sorted(found, key=lambda subscription: subscription.id)


def vaults(truth: Document) -> dict[str, VaultRef]:
    """Return the vaults by resource id."""
    return {each["id"].lower(): _vault(each) for each in truth["vaults"]}


def unreadable(truth: Document, identity: str) -> set[str]:
    """Return the names of the vaults that this identity cannot list completely."""
    return {
        each["name"] for each in truth["vaults"] if not all(each["readableBy"][identity].values())
    }


def items(truth: Document) -> dict[str, dict[str, Item]]:
    """Return each vault's live items by their external id."""
    return {
        vault["name"]: {
            item.external_id: item
            for kind in KINDS
            for item in (_item(kind, each) for each in _listed(vault, kind))
        }
        for vault in truth["vaults"]
    }


def _listed(vault: Document, kind: str) -> list[Document]:
    """A certificate that was never issued is listed too."""
    more: list[Document] = vault["awaiting_certificates"] if kind == "certificates" else []
    return [*vault[kind], *more]


def credentials(truth: Document) -> dict[str, Item]:
    """Return the applications' credentials by their external id."""
    found: dict[str, Item] = {}
    for each in (*truth["applications"], *truth["service_principals"]):
        signing = {
            key["customKeyIdentifier"]: key["keyId"]
            for key in each["keyCredentials"]
            if key["usage"] == "Sign"
        }
        keys = {key["keyId"] for key in each["keyCredentials"]}
        azure = each.get("servicePrincipalType") == "ManagedIdentity"
        owner = Application(
            object_id=each["id"], app_id=each["appId"], display_name=each["displayName"]
        )
        for name, kind in (
            ("passwordCredentials", ItemKind.APP_SECRET),
            ("keyCredentials", ItemKind.APP_CERTIFICATE),
        ):
            for credential in each[name]:
                item = _credential(credential, kind, owner)
                signer = signing.get(credential["customKeyIdentifier"])
                shadow = signer is not None and credential.get("usage") != "Sign"
                if kind is ItemKind.APP_SECRET and credential["keyId"] in keys:
                    item = replace(item, external_id=f"{item.external_id}/password")
                item = replace(item, managed=azure or shadow)
                found[item.external_id] = item
    return found


def _vault(each: Document) -> VaultRef:
    properties = each["properties"]
    return VaultRef(
        resource_id=each["id"].lower(),
        name=each["name"],
        uri=properties["vaultUri"],
        subscription_id=each["subscriptionId"],
        resource_group=each["id"].split("/")[4],
        region=each["location"],
        sku=properties["sku"]["name"],
        tags=each["tags"],
        rbac=properties["enableRbacAuthorization"],
        created_on=_instant(each["systemData"]["createdAt"]),
        configuration=_configuration(each),
    )


def _configuration(each: Document) -> VaultConfiguration:
    """What is not in the properties is None: Azure left it out."""
    shown, made = each["properties"], each["systemData"]
    return VaultConfiguration(
        tenant_id=shown["tenantId"],
        created_by=made["createdBy"],
        created_by_type=made["createdByType"],
        provisioning_state=shown["provisioningState"],
        soft_delete=shown.get("enableSoftDelete"),
        retention_days=shown.get("softDeleteRetentionInDays"),
        purge_protection=shown.get("enablePurgeProtection"),
        rbac=shown["enableRbacAuthorization"],
        policies=tuple(
            sorted(map(_policy, shown["accessPolicies"]), key=lambda each: each.object_id)
        ),
        public_network_access=shown.get("publicNetworkAccess"),
        network=_network(shown["networkAcls"]) if "networkAcls" in shown else None,
        private_endpoints=(
            tuple(
                sorted(
                    map(_endpoint, shown["privateEndpointConnections"]),
                    key=lambda each: each.connection_id,
                )
            )
            if "privateEndpointConnections" in shown
            else None
        ),
        enabled_for_deployment=shown["enabledForDeployment"],
        enabled_for_disk_encryption=shown.get("enabledForDiskEncryption"),
        enabled_for_template_deployment=shown.get("enabledForTemplateDeployment"),
    )


def _policy(policy: Document) -> AccessPolicy:
    kinds = ("keys", "secrets", "certificates", "storage")
    granted = {
        kind: tuple(sorted(word.lower() for word in policy["permissions"].get(kind, ())))
        for kind in kinds
    }
    return AccessPolicy(
        object_id=policy["objectId"], application_id=policy.get("applicationId"), **granted
    )


def _network(shown: Document) -> NetworkRules:
    return NetworkRules(
        default_action=shown["defaultAction"],
        bypass=shown["bypass"],
        ip_rules=tuple(sorted(rule["value"] for rule in shown["ipRules"])),
        subnets=tuple(sorted(rule["id"].lower() for rule in shown["virtualNetworkRules"])),
    )


def _endpoint(shown: Document) -> PrivateEndpoint:
    properties = shown["properties"]
    return PrivateEndpoint(
        connection_id=shown["id"].lower(),
        endpoint_id=properties["privateEndpoint"]["id"].lower(),
        state=properties["privateLinkServiceConnectionState"]["status"],
    )


def _item(collection: str, each: Document) -> Item:
    attributes = each["attributes"]
    name = each["kid" if collection == "keys" else "id"].rsplit("/", 1)[1]
    return Item(
        kind=KINDS[collection],
        external_id=f"{collection}/{name}",
        name=name,
        enabled=attributes["enabled"],
        created_on=_seconds(attributes["created"]),
        updated_on=_seconds(attributes["updated"]),
        not_before=_seconds(attributes.get("nbf")),
        expires_on=_seconds(attributes.get("exp")),
        content_type=each.get("contentType"),
        tags=each.get("tags", {}),
        recovery_level=attributes["recoveryLevel"],
        recoverable_days=attributes["recoverableDays"],
        managed=each.get("managed", False),
        thumbprint=base64.urlsafe_b64decode(each["x5t"] + "=").hex() if each.get("x5t") else None,
    )


def _credential(each: Document, kind: ItemKind, owner: Application) -> Item:
    identifier = each["customKeyIdentifier"]
    return Item(
        kind=kind,
        external_id=f"{owner.object_id}/{each['keyId']}",
        name=each["displayName"] or owner.display_name,
        not_before=_instant(each["startDateTime"]),
        expires_on=_instant(each["endDateTime"]),
        content_type=each.get("type"),
        thumbprint=_identifier(identifier) if identifier and "type" in each else None,
        application=owner,
        credential=Credential(
            key_id=each["keyId"],
            usage=each.get("usage"),
            custom_key_identifier=identifier,
        ),
    )


def objects(truth: Document) -> dict[str, DirectoryObject]:
    """Return applications and service principals by object id, with all that belongs to them."""
    found = [_object(each, truth, ApplicationKind.APPLICATION) for each in truth["applications"]]
    found += [
        _object(each, truth, ApplicationKind.SERVICE_PRINCIPAL)
        for each in truth["service_principals"]
    ]
    return {each.object_id: each for each in found}


def _object(each: Document, truth: Document, kind: ApplicationKind) -> DirectoryObject:
    relations = truth["relations"][each["id"]]
    thumbprint = each.get("preferredTokenSigningKeyThumbprint")
    return DirectoryObject(
        kind=kind,
        object_id=each["id"],
        app_id=each["appId"],
        display_name=each["displayName"],
        created_on=_instant(each["createdDateTime"]),
        audience=each["signInAudience"],
        publisher_domain=each.get("publisherDomain"),
        owner_tenant_id=each.get("appOwnerOrganizationId"),
        enabled=each.get("accountEnabled"),
        principal_type=each.get("servicePrincipalType"),
        tags=tuple(sorted(each["tags"])),
        notes=each["notes"],
        service_reference=each.get("serviceManagementReference"),
        signing_thumbprint=thumbprint.lower() if thumbprint else None,
        owners=tuple(sorted(map(_owner, relations["owners"]), key=lambda owner: owner.id)),
        federated=tuple(
            sorted(
                map(_federation, relations["federatedIdentityCredentials"]),
                key=lambda federation: federation.id,
            )
        ),
    )


def _owner(each: Document) -> Owner:
    return Owner(
        id=each["id"],
        kind=each["@odata.type"].removeprefix("#microsoft.graph."),
        display_name=each["displayName"],
        user_principal_name=each.get("userPrincipalName"),
    )


def _federation(each: Document) -> FederatedCredential:
    return FederatedCredential(
        id=each["id"],
        name=each["name"],
        issuer=each["issuer"],
        subject=each["subject"],
        audiences=tuple(sorted(each["audiences"])),
        description=each["description"],
    )


def _identifier(written: str) -> str:
    """An application's certificate is named in base64 or in hexadecimal digits."""
    if len(written) == 40:
        return written.lower()
    return base64.b64decode(written).hex()


def _seconds(seconds: int | None) -> datetime | None:
    return None if seconds is None else EPOCH + timedelta(seconds=seconds)


def _instant(written: str) -> datetime:
    return datetime.fromisoformat(written)
