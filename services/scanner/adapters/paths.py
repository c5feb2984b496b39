"""The whole list of requests that discovery can make. There is none that reads a value.

`GET /secrets` lists names and attributes; `GET /secrets/<name>` would answer with the value and is
not here, so no code of this service can send it.
"""

from typing import Final

from shared.clouds import AllowedPaths

VAULT: Final = AllowedPaths("GET /secrets", "GET /keys", "GET /certificates")
ARM: Final = AllowedPaths(
    "GET /subscriptions",
    "GET /subscriptions/{id}/providers/Microsoft.KeyVault/vaults",
    "POST /providers/Microsoft.ResourceGraph/resources",
)
DIRECTORY: Final = AllowedPaths(
    "GET /v1.0/applications",
    "GET /v1.0/applications/{id}/owners",
    "GET /v1.0/applications/{id}/federatedIdentityCredentials",
    "GET /v1.0/servicePrincipals",
    "GET /v1.0/servicePrincipals/{id}/owners",
    "GET /v1.0/servicePrincipals/{id}/federatedIdentityCredentials",
)
