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

_RESOURCE: Final = "/subscriptions/{id}/resourceGroups/{group}/providers"
_STORAGE: Final = f"{_RESOURCE}/Microsoft.Storage/storageAccounts/{{name}}"
_COSMOS: Final = f"{_RESOURCE}/Microsoft.DocumentDB/databaseAccounts/{{name}}"
_COGNITIVE: Final = f"{_RESOURCE}/Microsoft.CognitiveServices/accounts/{{name}}"
_RULES: Final = tuple(
    f"{_RESOURCE}/Microsoft.{namespace}/namespaces/{{name}}/authorizationRules/{{rule}}"
    for namespace in ("ServiceBus", "EventHub")
)
RESOURCES: Final = AllowedPaths(
    *(f"POST {each}/listKeys" for each in (_STORAGE, _COSMOS, _COGNITIVE, *_RULES)),
    *(f"POST {each}/regenerateKey" for each in (_STORAGE, _COSMOS, _COGNITIVE)),
    *(f"POST {each}/regenerateKeys" for each in _RULES),
    *(f"GET {each}" for each in (_COGNITIVE, *_RULES)),
    "GET /subscriptions/{id}/providers/Microsoft.DocumentDB/locations/{place}"
    "/operationsStatus/{id}",
)
BLOB: Final = AllowedPaths("GET /")
DOCUMENTS: Final = AllowedPaths("GET /dbs")
BUS: Final = AllowedPaths("GET /$Resources/queues", "GET /$Resources/eventhubs")
COGNITIVE: Final = AllowedPaths("GET /vision/v3.2/models")
