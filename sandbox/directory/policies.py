"""App management policies: what credentials may be added, and how Graph tells and refuses it.

Microsoft Graph REST API v1.0: "tenantAppManagementPolicy", "appManagementPolicy" and
"passwordCredentialConfiguration resource type". A policy of an application's own takes the place of
the tenant's whole ("Application authentication methods API overview").
"""

from typing import Final

from sandbox.directory.query import Refuse
from sandbox.estate.directory import Application, CredentialRules, ManagementPolicy
from sandbox.wire import Document

_SECONDS: Final = {"D": 86_400, "H": 3_600, "M": 60, "S": 1}
_WORDS: Final = (
    "Default tenant policy that enforces app management restrictions on applications and service"
    " principals."
)


def holding_for(application: Application, rules: CredentialRules) -> ManagementPolicy | None:
    """Return the policy that decides for the application; None where none is in force."""
    policy = application.policy or rules.policy
    return policy if policy.enabled else None


def require_password(policy: ManagementPolicy | None, seconds: int, refuse: Refuse) -> None:
    """Refuse a client secret that the policy does not allow, or not for so long."""
    if policy is None:
        return
    if policy.password_addition_blocked:
        message = f"Credential type not allowed as per assigned policy '{policy.id}'."
        raise refuse(400, "CredentialTypeNotAllowedAsPerAppPolicy", message)
    _require_span(policy, policy.password_seconds, seconds, refuse)


def require_key(policy: ManagementPolicy | None, seconds: int, refuse: Refuse) -> None:
    """Refuse a certificate that would hold for longer than the policy allows."""
    if policy is not None:
        _require_span(policy, policy.key_seconds, seconds, refuse)


def _require_span(policy: ManagementPolicy, most: int | None, seconds: int, refuse: Refuse) -> None:
    if most is None or seconds <= most:
        return
    message = (
        f"Credential lifetime exceeds the max value allowed as per assigned policy '{policy.id}'."
    )
    refused = refuse(400, "CredentialInvalidLifetimeAsPerAppPolicy", message)
    detail = {"code": "InvalidKeyEndDate", "message": message, "target": "EndDate"}
    refused.document["error"]["details"] = [detail]
    raise refused


def tenants(policy: ManagementPolicy) -> Document:
    """Return the tenant's default policy; service principals are not restricted here."""
    return {
        "id": policy.id,
        "displayName": "Default app management tenant policy",
        "description": _WORDS,
        "isEnabled": policy.enabled,
        "applicationRestrictions": _restrictions(policy),
        "servicePrincipalRestrictions": {"passwordCredentials": [], "keyCredentials": []},
    }


def applications(policy: ManagementPolicy) -> Document:
    """Return a policy that is assigned to applications."""
    return {
        "id": policy.id,
        "displayName": "Credential management policy",
        "description": None,
        "isEnabled": policy.enabled,
        "restrictions": _restrictions(policy),
    }


def _restrictions(policy: ManagementPolicy) -> Document:
    passwords = []
    if policy.password_addition_blocked:
        passwords.append(_restriction("passwordAddition", None))
    if policy.password_seconds is not None:
        passwords.append(_restriction("passwordLifetime", policy.password_seconds))
    keys = []
    if policy.key_seconds is not None:
        keys.append(_restriction("asymmetricKeyLifetime", policy.key_seconds))
    return {"passwordCredentials": passwords, "keyCredentials": keys}


def _restriction(kind: str, seconds: int | None) -> Document:
    return {
        "restrictionType": kind,
        "state": "enabled",
        "maxLifetime": None if seconds is None else duration(seconds),
        "restrictForAppsCreatedAfterDateTime": None,
    }


def duration(seconds: int) -> str:
    """Return a span as ISO 8601 writes it: `P4DT12H30M5S`."""
    parts = {}
    for letter, size in _SECONDS.items():
        parts[letter], seconds = divmod(seconds, size)
    days = f"{parts.pop('D')}D" if parts["D"] else ""
    time = "".join(f"{number}{letter}" for letter, number in parts.items() if number)
    return f"P{days}T{time}" if time else f"P{days}"
