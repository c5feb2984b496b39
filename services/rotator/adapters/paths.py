"""The whole list of requests that rotating can send."""

from typing import Final

from shared.clouds import AllowedPaths

CHANGE_SECONDS: Final = 25.0
"""How long one change may take, all in all: less than the ledger's fence says that it holds."""

VAULT: Final = AllowedPaths(
    "GET /secrets/{name}/",  # Azure's client writes the newest version as an empty one
    "GET /secrets/{name}/{version}",
    "GET /secrets/{name}/versions",
    "GET /deletedsecrets/{name}",
    "PUT /secrets/{name}",
)
GRAPH: Final = AllowedPaths(
    "GET /v1.0/applications/{id}",
    "GET /v1.0/applications/{id}/appManagementPolicies",
    "GET /v1.0/policies/defaultAppManagementPolicy",
    "POST /v1.0/applications/{id}/addPassword",
    "POST /v1.0/applications/{id}/removePassword",
)
LOGIN: Final = AllowedPaths("POST /{tenant}/oauth2/v2.0/token")
