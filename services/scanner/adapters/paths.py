"""The whole list of requests that discovery can make. There is none that reads a value.

`GET /secrets` and `GET /secrets/<name>/versions` list names and attributes. `GET /secrets/<name>`
and `GET /secrets/<name>/<version>` would answer with the value and are not here, so no code of this
service can send them. `GET /keys/<name>` and `GET /certificates/<name>` answer with the public
half: Key Vault has no request that gives a key's private half to a reader.
"""

from typing import Final

from shared.clouds import AllowedPaths
from shared.clouds.urls import parse

VAULT: Final = AllowedPaths(
    "GET /secrets",
    "GET /keys",
    "GET /certificates",
    "GET /secrets/{name}/versions",
    "GET /keys/{name}/versions",
    "GET /keys/{name}",
    "GET /keys/{name}/rotationpolicy",
    "GET /certificates/{name}/versions",
    "GET /certificates/{name}",
    "GET /certificates/{name}/pending",
)
ARM: Final = AllowedPaths(
    "GET /subscriptions",
    "GET /subscriptions/{id}/providers/Microsoft.KeyVault/vaults",
    "GET /subscriptions/{id}/providers/Microsoft.Authorization/roleAssignments",
    "GET /subscriptions/{id}/providers/Microsoft.Authorization/roleDefinitions",
    "GET /subscriptions/{id}/resourceGroups/{group}/providers/Microsoft.KeyVault/vaults/{name}"
    "/providers/Microsoft.Insights/diagnosticSettings",
    "POST /providers/Microsoft.ResourceGraph/resources",
    # The permission doctor: what this identity may do, and which role lets it.
    "GET /subscriptions/{id}/providers/Microsoft.Authorization/roleAssignments",
    "GET /subscriptions/{id}/providers/Microsoft.Authorization/roleDefinitions/{role}",
    "GET /subscriptions/{id}/resourceGroups/{group}/providers/Microsoft.KeyVault/vaults/{name}"
    "/providers/Microsoft.Authorization/permissions",
)
DIRECTORY: Final = AllowedPaths(
    "GET /v1.0/applications",
    "GET /v1.0/applications/{id}/owners",
    "GET /v1.0/applications/{id}/federatedIdentityCredentials",
    "GET /v1.0/servicePrincipals",
    "GET /v1.0/servicePrincipals/{id}/owners",
    "GET /v1.0/servicePrincipals/{id}/federatedIdentityCredentials",
    # The permission doctor: the groups of this identity.
    "GET /v1.0/servicePrincipals/{id}/transitiveMemberOf/microsoft.graph.group",
)

_BELOW_AN_ITEM: Final = {
    "versions": "versions",
    "rotationpolicy": "rotation_policy",
    "pending": "pending",
}
_ITEMS: Final = {"keys": "key", "certificates": "certificate"}


def kind_of(url: str) -> str:
    """Return the kind of a request to a vault, as a scan's result counts it."""
    parsed = parse(url)
    parts = parsed.path.strip("/").split("/") if parsed else []
    match parts:
        case [collection]:
            return collection
        case [collection, _]:
            return _ITEMS.get(collection, "other")
        case [_, _, last]:
            return _BELOW_AN_ITEM.get(last, "other")
        case _:
            return "other"
