"""Applications, service principals and the organization as Microsoft Graph v1.0 writes them."""

import base64
from collections.abc import Sequence
from uuid import NAMESPACE_URL, uuid5

from sandbox.clock import iso
from sandbox.estate.directory import (
    Application,
    DirectoryObject,
    FederatedCredential,
    KeyCredential,
    PasswordCredential,
    ServicePrincipal,
)
from sandbox.estate.model import Estate
from sandbox.wire import Document


def application(found: Application) -> Document:
    return _common(found) | {
        "disabledByMicrosoftStatus": None,
        "groupMembershipClaims": None,
        "identifierUris": [],
        "isDeviceOnlyAuthSupported": None,
        "isFallbackPublicClient": None,
        "publisherDomain": "contoso.example",
        "requiredResourceAccess": [],
        "serviceManagementReference": found.service_reference,
    }


def service_principal(found: ServicePrincipal) -> Document:
    return _common(found) | {
        "accountEnabled": found.enabled,
        "alternativeNames": [],
        "appDisplayName": found.display_name,
        "appOwnerOrganizationId": found.owner_tenant,
        "appRoleAssignmentRequired": False,
        "preferredSingleSignOnMode": "saml" if found.signing_thumbprint else None,
        "preferredTokenSigningKeyThumbprint": found.signing_thumbprint,
        "servicePrincipalNames": [found.app_id],
        "servicePrincipalType": found.kind,
    }


def _common(found: DirectoryObject) -> Document:
    return {
        "id": found.object_id,
        "deletedDateTime": None,
        "appId": found.app_id,
        "applicationTemplateId": None,
        "createdDateTime": iso(found.created),
        "displayName": found.display_name,
        "description": None,
        "notes": found.notes,
        "signInAudience": found.audience,
        "tags": list(found.tags),
    } | credentials(found.passwords, found.keys)


def credentials(
    passwords: Sequence[PasswordCredential], keys: Sequence[KeyCredential], *, whole: bool = False
) -> Document:
    """Return credentials; `whole` with the certificates themselves."""
    return {
        "keyCredentials": [key_credential(each, whole=whole) for each in keys],
        "passwordCredentials": [password_credential(each) for each in passwords],
    }


def password_credential(found: PasswordCredential) -> Document:
    """Return a client secret without its text, which nobody is ever told again."""
    return {
        "customKeyIdentifier": found.custom_key_identifier,
        "displayName": found.display_name,
        "endDateTime": iso(found.end),
        "hint": found.text[:3],
        "keyId": found.key_id,
        "secretText": None,
        "startDateTime": iso(found.start),
    }


def key_credential(found: KeyCredential, *, whole: bool = False) -> Document:
    """Return a certificate; `whole` with itself, as only a read of one object that selects it."""
    return {
        "customKeyIdentifier": found.custom_key_identifier,
        "displayName": found.display_name,
        "endDateTime": iso(found.end),
        "key": base64.b64encode(found.key).decode() if whole and found.key else None,
        "keyId": found.key_id,
        "startDateTime": iso(found.start),
        "type": found.type,
        "usage": found.usage,
    }


def federated(found: FederatedCredential) -> Document:
    return {
        "id": found.id,
        "name": found.name,
        "issuer": found.issuer,
        "subject": found.subject,
        "description": found.description,
        "audiences": list(found.audiences),
    }


def owners(estate: Estate, found: DirectoryObject) -> list[Document]:
    """Return who owns an object: people first, then service principals."""
    by_id = {each.object_id: each for each in estate.service_principals}
    return [_person(estate, name) for name in found.owners] + [
        {
            "@odata.type": "#microsoft.graph.servicePrincipal",
            "id": object_id,
            "displayName": by_id[object_id].display_name,
        }
        for object_id in found.owner_principals
    ]


def _person(estate: Estate, name: str) -> Document:
    mail = f"{name.lower().replace(' ', '.')}@{estate.domain}"
    return {
        "@odata.type": "#microsoft.graph.user",
        "id": str(uuid5(NAMESPACE_URL, mail)),
        "displayName": name,
        "mail": mail,
        "userPrincipalName": mail,
    }


def organization(estate: Estate) -> Document:
    verified = {"capabilities": "Email", "isDefault": True, "isInitial": True, "type": "Managed"}
    return {
        "id": estate.tenant_id,
        "displayName": estate.organization,
        "tenantType": "AAD",
        "countryLetterCode": "NL",
        "verifiedDomains": [verified | {"name": estate.domain}],
    }
