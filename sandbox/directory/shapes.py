"""Applications, service principals and the organization as Microsoft Graph v1.0 writes them."""

from sandbox.clock import iso
from sandbox.estate.model import Application, Estate, KeyCredential, PasswordCredential
from sandbox.wire import Document


def application(found: Application) -> Document:
    return {
        "id": found.object_id,
        "deletedDateTime": None,
        "appId": found.app_id,
        "applicationTemplateId": None,
        "disabledByMicrosoftStatus": None,
        "createdDateTime": iso(found.created),
        "displayName": found.display_name,
        "description": None,
        "groupMembershipClaims": None,
        "identifierUris": [],
        "isDeviceOnlyAuthSupported": None,
        "isFallbackPublicClient": None,
        "notes": None,
        "publisherDomain": "contoso.example",
        "signInAudience": "AzureADMyOrg",
        "tags": [],
        "keyCredentials": [key_credential(credential) for credential in found.keys],
        "passwordCredentials": [password_credential(each) for each in found.passwords],
        "requiredResourceAccess": [],
    }


def password_credential(found: PasswordCredential) -> Document:
    """Return a client secret without its text, which nobody is ever told again."""
    return {
        "customKeyIdentifier": None,
        "displayName": found.display_name,
        "endDateTime": iso(found.end),
        "hint": found.text[:3],
        "keyId": found.key_id,
        "secretText": None,
        "startDateTime": iso(found.start),
    }


def key_credential(found: KeyCredential) -> Document:
    return {
        "customKeyIdentifier": found.custom_key_identifier,
        "displayName": found.display_name,
        "endDateTime": iso(found.end),
        "key": None,
        "keyId": found.key_id,
        "startDateTime": iso(found.start),
        "type": "AsymmetricX509Cert",
        "usage": "Verify",
    }


def owner(estate: Estate, name: str) -> Document:
    mail = f"{name.lower().replace(' ', '.')}@{estate.domain}"
    return {
        "@odata.type": "#microsoft.graph.user",
        "id": _user_id(name),
        "displayName": name,
        "mail": mail,
        "userPrincipalName": mail,
    }


def _user_id(name: str) -> str:
    number = sum(byte << (8 * at) for at, byte in enumerate(name.encode()[:6]))
    return f"00000000-0000-4000-8000-{number:012x}"


def service_principals(estate: Estate) -> list[Document]:
    """Return the principals of the applications and of the managed identities."""
    found = [
        _service_principal(app.principal_id, app.app_id, app.display_name, "Application")
        for app in estate.applications
    ]
    return found + [
        _service_principal(
            each.object_id, each.client_id, f"id-certifyclouds-{each.name}", "ManagedIdentity"
        )
        for each in estate.principals.values()
        if each.kind == "managed"
    ]


def _service_principal(object_id: str, app_id: str, name: str, kind: str) -> Document:
    return {
        "id": object_id,
        "accountEnabled": True,
        "appId": app_id,
        "displayName": name,
        "servicePrincipalType": kind,
        "servicePrincipalNames": [app_id],
        "keyCredentials": [],
        "passwordCredentials": [],
        "tags": [],
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
