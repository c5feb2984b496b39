"""The whole list of requests that rotating can send to a vault."""

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
