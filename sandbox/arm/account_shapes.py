"""Resources with keys as Resource Manager writes them, and their keys.

Azure REST API reference: "Get Properties" (Storage), "Database Accounts - Get", "Namespaces - Get",
"Redis - Get", "Accounts - Get" (Cognitive Services), and "List Keys" of each.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

from sandbox.clock import iso
from sandbox.estate.accounts import Account, KeyRing
from sandbox.estate.keyed import COGNITIVE, COSMOS, EVENT_HUBS, REDIS, SERVICE_BUS, STORAGE
from sandbox.estate.keyed import KEYED_TYPES as TYPES
from sandbox.names import Names
from sandbox.wire import Document


def resource(account: Account) -> Document:
    """Return the account as a list of resources of any type shows it."""
    found: Document = {
        "id": account.resource_id,
        "name": account.name,
        "type": account.type,
        "location": account.location,
        "tags": dict(account.tags),
    }
    if account.kind:
        found["kind"] = account.kind
    return found


def account(found: Account, names: Names) -> Document:
    """Return the account as a read of its own shows it: without a key."""
    row = TYPES[found.type.lower()]
    address = names.account(row.plane, found.name) if row.plane else ""
    properties = {"provisioningState": "Succeeded"} | _PROPERTIES[row.type](found, address)
    document = resource(found) | {"properties": properties}
    if row is not COSMOS and row is not REDIS:
        document["sku"] = {"name": found.sku}
    return document


def _storage(found: Account, address: str) -> Document:
    keys = found.rings[""].keys
    return {
        "keyCreationTime": {slot: _precise(key.made) for slot, key in keys.items()},
        "creationTime": iso(found.created),
        "primaryEndpoints": {"blob": address},
        "primaryLocation": found.location,
        "statusOfPrimary": "available",
        "supportsHttpsTrafficOnly": True,
        "allowSharedKeyAccess": True,
    }


def _cosmos(found: Account, address: str) -> Document:
    return {
        "databaseAccountOfferType": found.sku,
        "documentEndpoint": address,
        "disableLocalAuth": False,
        "keysMetadata": {
            slot: {"generationTime": _precise(key.made)}
            for slot, key in found.rings[""].keys.items()
        },
    }


def _namespace(found: Account, address: str) -> Document:
    return {
        "createdAt": iso(found.created),
        "serviceBusEndpoint": address,
        "status": "Active",
        "disableLocalAuth": False,
    }


def _redis(found: Account, _: str) -> Document:
    # The service shows its keys only in the answers to POST and PUT.
    return {
        "hostName": f"{found.name}.redis.cache.windows.net",
        "sslPort": 6380,
        "enableNonSslPort": False,
        "sku": {"name": found.sku, "family": "C", "capacity": 1},
        "disableAccessKeyAuthentication": False,
        "accessKeys": None,
    }


def _cognitive(found: Account, address: str) -> Document:
    return {
        "endpoint": address,
        "customSubDomainName": found.name,
        "dateCreated": iso(found.created),
        "disableLocalAuth": False,
    }


_PROPERTIES: Final[Mapping[str, Callable[[Account, str], Document]]] = {
    STORAGE.type: _storage,
    COSMOS.type: _cosmos,
    SERVICE_BUS.type: _namespace,
    EVENT_HUBS.type: _namespace,
    REDIS.type: _redis,
    COGNITIVE.type: _cognitive,
}


def rule(found: Account, ring: KeyRing) -> Document:
    """Return an authorization rule: its rights, not its keys."""
    return {
        "id": f"{found.resource_id}/AuthorizationRules/{ring.name}",
        "name": ring.name,
        "type": f"{found.type}/AuthorizationRules",
        "location": found.location,
        "properties": {"rights": list(ring.rights)},
    }


def keys(found: Account, ring: KeyRing, names: Names) -> Document:
    """Return the keys of the account, or of one of its rules, with their values."""
    row = TYPES[found.type.lower()]
    if row.as_list:
        return {
            "keys": [
                {
                    "creationTime": _precise(key.made),
                    "keyName": slot,
                    "value": key.value,
                    "permissions": "FULL",
                }
                for slot, key in ring.keys.items()
            ]
        }
    shown: Document = {slot: key.value for slot, key in ring.keys.items()}
    if not row.of_rules:
        return shown
    host = names.account("bus", found.name).removeprefix("https://")
    for slot in tuple(shown):
        side = slot.removesuffix("Key")
        shown[f"{side}ConnectionString"] = (
            f"Endpoint=sb://{host};SharedAccessKeyName={ring.name};SharedAccessKey={shown[slot]}"
        )
    return shown | {"keyName": ring.name}


def _precise(at: float) -> str:
    """Return an instant with the seven digits that these services write."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")
