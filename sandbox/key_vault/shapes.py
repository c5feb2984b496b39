"""Items as Key Vault writes them: in lists, as bundles, and after deletion.

Azure Key Vault REST API reference: SecretItem, SecretBundle, KeyItem, KeyBundle, CertificateItem,
CertificateBundle and their Deleted forms.
"""

import base64
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.certificates import as_pem, as_pkcs12, x5t
from sandbox.estate.model import Item, Vault, Version
from sandbox.wire import Document

_DAY: Final = 86_400
_PEM: Final = "application/x-pem-file"
_RSA_OPERATIONS: Final = ["encrypt", "decrypt", "sign", "verify", "wrapKey", "unwrapKey"]
_EC_OPERATIONS: Final = ["sign", "verify"]
_EMAIL: Final = [
    {"trigger": {"lifetime_percentage": 80}, "action": {"action_type": "EmailContacts"}}
]
# {"version":"1.0.0","anyOf":[]} in base64url, as a release policy is written.
_RELEASE_POLICY: Final = "eyJ2ZXJzaW9uIjoiMS4wLjAiLCJhbnlPZiI6W119"


def attributes(item: Item, version: Version, vault: Vault) -> Document:
    """Return the management attributes; dates that are not set are left out."""
    found: Document = {"enabled": version.enabled}
    if version.not_before is not None:
        found["nbf"] = version.not_before
    if version.expires is not None:
        found["exp"] = version.expires
    found |= {
        "created": version.created,
        "updated": version.updated,
        "recoveryLevel": vault.recovery_level,
        "recoverableDays": vault.retention_days,
    }
    if item.kind == "keys":
        found |= {
            "exportable": item.traits.exportable
            or (version.pair is not None and version.exportable),
            "hsmPlatform": "2" if item.traits.hsm else "0",
        }
    return found


def listed(
    item: Item, version: Version, vault: Vault, address: str, *, of_versions: bool
) -> Document:
    """Return the item as a list shows it; a version's list adds the version to the id."""
    identifier = f"{address}/{item.kind}/{item.name}"
    if of_versions:
        identifier = f"{identifier}/{version.id}"
    found: Document = {"kid" if item.kind == "keys" else "id": identifier}
    if item.kind == "certificates":
        found["x5t"] = x5t(version.certificate) if version.certificate else ""
    found["attributes"] = attributes(item, version, vault)
    if item.kind == "secrets" and version.content_type is not None:
        found["contentType"] = version.content_type
    if version.tags:
        found["tags"] = dict(version.tags)
    if item.kind == "certificates":
        found["subject"] = ""
    if item.managed:
        found["managed"] = True
    return found


def bundle(item: Item, version: Version, vault: Vault, address: str) -> Document:
    """Return everything about one version; of a secret all but its value."""
    found = listed(item, version, vault, address, of_versions=True)
    if item.kind == "secrets" and item.managed:
        found["kid"] = f"{address}/keys/{item.name}/{version.id}"
    if item.kind == "keys":
        found["key"] = _jwk(version, found.pop("kid"), hsm=item.traits.hsm)
        if item.traits.release_policy:
            found["release_policy"] = {
                "contentType": "application/json; charset=utf-8",
                "data": _RELEASE_POLICY,
                "immutable": False,
            }
    if item.kind == "certificates":
        found.pop("subject")
        found |= {
            "kid": f"{address}/keys/{item.name}/{version.id}",
            "sid": f"{address}/secrets/{item.name}/{version.id}",
            "policy": certificate_policy(item, version, address),
        }
        if version.certificate:
            found["cer"] = base64.b64encode(version.certificate).decode()
        if item.operation is not None:
            found["pending"] = {"id": f"{address}/certificates/{item.name}/pending"}
    return found


def value(item: Item, version: Version) -> str:
    """Return a secret's value; a certificate's secret is the certificate with its key."""
    if not (item.managed and version.certificate):
        return version.value
    write = as_pem if version.content_type == _PEM else as_pkcs12
    pair = version.key if version.exportable else None
    return write(version.certificate, pair, version.chain)


def deleted(item: Item, vault: Vault, address: str) -> Document:
    """Return what a deleted item has beside its usual shape."""
    at = item.deleted_at or 0
    return {
        "recoveryId": f"{address}/deleted{item.kind}/{item.name}",
        "deletedDate": at,
        "scheduledPurgeDate": at + vault.retention_days * _DAY,
    }


def rotation_policy(item: Item, address: str) -> Document:
    """Return a key's rotation policy: the one that every key has, where nobody set another."""
    notify = {"trigger": {"timeBeforeExpiry": "P30D"}, "action": {"type": "Notify"}}
    plain: Document = {"lifetimeActions": [notify], "attributes": {}}
    return {"id": f"{address}/keys/{item.name}/rotationpolicy", **(item.traits.rotation or plain)}


def operation(item: Item, address: str) -> Document | None:
    """Return a certificate's pending operation, None without one."""
    if item.operation is None:
        return None
    return {"id": f"{address}/certificates/{item.name}/pending", **item.operation}


def certificate_policy(item: Item, version: Version, address: str) -> Document:
    """Return how the certificate is made and renewed."""
    family, _, size = version.key_type.partition("-")
    key: Document = {"exportable": True, "kty": family, "reuse_key": False}
    key |= {"key_size": int(size)} if family == "RSA" else {"crv": size}
    key |= item.policy.get("key_props", {})
    months = max(1, round(((version.expires or 0) - (version.not_before or 0)) / (30 * _DAY)))
    return {
        "id": f"{address}/certificates/{item.name}/policy",
        "key_props": key,
        "secret_props": item.policy.get("secret_props", {"contentType": "application/x-pkcs12"}),
        "x509_props": {
            "subject": f"CN={item.name}",
            "sans": {"dns_names": []},
            "ekus": ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"],
            "key_usage": ["digitalSignature", "keyEncipherment"],
            "validity_months": months,
            "basic_constraints": {"ca": False},
            **item.policy.get("x509_props", {}),
        },
        "lifetime_actions": item.policy.get("lifetime_actions", _EMAIL),
        "issuer": item.policy.get("issuer", {"name": "Unknown"}),
        "attributes": {
            "enabled": True,
            "created": item.versions[0].created,
            "updated": item.versions[0].updated,
        },
    }


def _jwk(version: Version, identifier: str, *, hsm: bool) -> Document:
    """Return the public half as a JSON web key (RFC 7518)."""
    pair = version.key
    found: Document = {"kid": identifier}
    if isinstance(pair, rsa.RSAPrivateKey):
        numbers = pair.public_key().public_numbers()
        size = (pair.key_size + 7) // 8
        found |= {"kty": "RSA-HSM" if hsm else "RSA", "key_ops": _RSA_OPERATIONS}
        return found | {"n": _number(numbers.n, size), "e": _number(numbers.e, 3)}
    point = pair.public_key().public_numbers()
    size = (pair.key_size + 7) // 8
    found |= {"kty": "EC-HSM" if hsm else "EC", "key_ops": _EC_OPERATIONS}
    found["crv"] = version.key_type.removeprefix("EC-")
    return found | {"x": _number(point.x, size), "y": _number(point.y, size)}


def _number(number: int, size: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes(size)).rstrip(b"=").decode()


def written_attributes(document: Document) -> dict[str, Any]:
    """Return a request's `attributes`, empty where it has none."""
    given = document.get("attributes")
    return given if isinstance(given, dict) else {}
