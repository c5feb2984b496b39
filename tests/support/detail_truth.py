"""What single reads should have told, from how the sandbox made its keys and certificates.

Written apart from the adapters on purpose. A certificate's facts come from what it was made of and
from its bytes' digests, not from parsing it.
"""

import base64
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tests.support import truth

Document = Mapping[str, Any]
DAYS = {"P18M": 540, "P2Y": 730, "P90D": 90, "P180D": 180, "P30D": 30, "P1Y2M3D": 428}
SIGNATURES = {
    ("EC", "sha256"): "ecdsa_with_sha256",
    ("EC", "sha384"): "ecdsa_with_sha384",
    ("RSA", "sha256"): "rsa_with_sha256",
    ("RSA", "sha384"): "rsa_with_sha384",
}
CURVE_BITS = {"P-256": 256, "P-384": 384}


def expected(document: Document, identity: str = "discover") -> dict[tuple[str, str], Any]:
    """Return facts and versions by vault and external id, as that identity may know them.

    A vault with access policies lets it list only: it knows versions and nothing else.
    """
    closed = truth.unreadable(document, identity)
    found: dict[tuple[str, str], Any] = {}
    for vault in document["vaults"]:
        if vault["name"] in closed:
            continue
        may_get = vault["properties"]["enableRbacAuthorization"]
        for key, versions in _versions(vault).items():
            told = vault["details"].get(key)
            facts = _facts(key, told, versions) if told and may_get else {}
            denied = told is not None and not may_get
            found[vault["name"], key] = {
                "outcome": "denied" if denied else "ok",
                "facts": facts,
                "version": versions[-1]["id"] if versions else None,
                "version_count": len(versions),
                "enabled_old_versions": sum(version["enabled"] for version in versions[:-1]),
                "versions": sorted(versions, key=lambda version: version["id"]),
            }
    return found


def _versions(vault: Document) -> dict[str, list[dict[str, Any]]]:
    """Return each item's versions, the oldest first; what belongs to a certificate has none."""
    found: dict[str, list[dict[str, Any]]] = {}
    for kind in truth.KINDS:
        for each in vault[kind]:
            if not each.get("managed"):
                found[f"{kind}/{_last(each)}"] = [_version(one) for one in each["versions"]]
    for each in vault["awaiting_certificates"]:
        found[f"certificates/{_last(each)}"] = []
    return found


def _version(row: Document) -> dict[str, Any]:
    attributes = row["attributes"]
    return {
        "id": _last(row),
        "enabled": attributes["enabled"],
        "created_on": _instant(attributes["created"]),
        "updated_on": _instant(attributes["updated"]),
        "not_before": _instant(attributes.get("nbf")),
        "expires_on": _instant(attributes.get("exp")),
    }


def _last(row: Document) -> str:
    return str(row.get("kid") or row["id"]).rsplit("/", 1)[1]


def _facts(key: str, told: Document, versions: list[dict[str, Any]]) -> dict[str, Any]:
    if key.startswith("keys/"):
        return {"key": _key(told), "rotation_policy": _rotation(told["rotation"])}
    return {
        "certificate": _certificate(key, told, versions),
        "policy": _policy(told["bundle"]["policy"]),
        "operation": _operation(told["pending"]),
    }


def _key(told: Document) -> dict[str, Any]:
    family, _, size = told["made_of"].partition("-")
    return {
        "key_type": family,
        "size": int(size) if family == "RSA" else None,
        "curve": size if family == "EC" else None,
        "operations": told["bundle"]["key"]["key_ops"],
        "hsm": told["hsm"],
        "exportable": told["bundle"]["attributes"]["exportable"],
        "release_policy": "release_policy" in told["bundle"],
    }


def _rotation(policy: Document) -> dict[str, Any]:
    attributes = policy["attributes"]
    expiry = attributes.get("expiryTime")
    actions = []
    for row in policy["lifetimeActions"]:
        [(trigger, duration)] = row["trigger"].items()
        ours = "after_create" if trigger == "timeAfterCreate" else "before_expiry"
        actions.append(
            {
                "action": row["action"]["type"],
                "trigger": ours,
                "duration": duration,
                "days": DAYS[duration],
            }
        )
    return {
        "set_on": _instant(attributes.get("created")),
        "updated_on": _instant(attributes.get("updated")),
        "expiry_time": expiry,
        "expiry_days": DAYS[expiry] if expiry else None,
        "actions": actions,
    }


def _certificate(key: str, told: Document, versions: list[dict[str, Any]]) -> Any:
    if "cer" not in told["bundle"]:
        return None
    look, name = told["look"], key.removeprefix("certificates/").lower()[:40]
    family, _, size = told["made_of"].partition("-")
    host = f"{name}.contoso.example"
    issuer = host if look["self_signed"] else look["issuer"]
    signer = family if look["self_signed"] else look["issuer_key"].partition("-")[0]
    der = base64.b64decode(told["bundle"]["cer"])
    return {
        "subject": f"CN={host}",
        "issuer": f"CN={issuer}",
        "issuer_common_name": issuer,
        "serial": f"{int(versions[-1]['id'], 16) >> 1 or 1:x}",
        "thumbprint": hashlib.sha1(der, usedforsecurity=False).hexdigest(),
        "thumbprint_sha256": hashlib.sha256(der).hexdigest(),
        "key_type": family,
        "key_size": int(size) if family == "RSA" else CURVE_BITS[size],
        "curve": size if family == "EC" else None,
        "signature_algorithm": SIGNATURES[signer, look["digest"]],
        "not_before": versions[-1]["not_before"],
        "not_after": versions[-1]["expires_on"],
        "is_ca": look["ca"],
        "self_signed": look["self_signed"],
        "alternative_names": [
            {"kind": kind, "name": text} for kind, text in [["dns", host], *look["names"]]
        ],
    }


def _policy(policy: Document) -> dict[str, Any]:
    key = policy["key_props"]
    return {
        "issuer": policy["issuer"]["name"],
        "validity_months": policy["x509_props"]["validity_months"],
        "exportable": key["exportable"],
        "reuse_key": key["reuse_key"],
        "key_type": key["kty"],
        "key_size": key.get("key_size"),
        "curve": key.get("crv"),
        "content_type": policy["secret_props"]["contentType"],
        "actions": [
            {
                "action": row["action"]["action_type"],
                "days_before_expiry": row["trigger"].get("days_before_expiry"),
                "lifetime_percentage": row["trigger"].get("lifetime_percentage"),
            }
            for row in policy["lifetime_actions"]
        ],
    }


def _operation(pending: Document | None) -> dict[str, Any] | None:
    if pending is None:
        return None
    error = pending.get("error", {})
    return {
        "status": pending["status"],
        "status_details": pending["status_details"].replace("\r\n", " "),
        "error_code": error.get("code"),
        "error_message": error.get("message"),
        "cancellation_requested": pending["cancellation_requested"],
        "issuer": pending["issuer"]["name"],
    }


def _instant(seconds: int | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()
