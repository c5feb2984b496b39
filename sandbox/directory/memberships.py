"""The groups that a service principal is in, as Microsoft Graph lists them.

Microsoft Graph REST API v1.0: "List servicePrincipal transitive memberOf", with the cast to groups,
which is an advanced query ("Advanced query capabilities on directory objects"). With
Application.Read.All alone a group's id is told and everything else of it is null ("Limited
information returned for inaccessible member objects").
"""

from collections.abc import Sequence
from typing import Final

from sandbox.directory.query import Query
from sandbox.estate.directory import DirectoryObject
from sandbox.estate.model import Estate
from sandbox.wire import Document

_RELATION: Final = ["transitivememberof", "microsoft.graph.group"]


def are(relation: Sequence[str]) -> bool:
    """Say whether a path below a service principal means its groups."""
    return [part.lower() for part in relation] == _RELATION


def require_advanced(query: Query) -> None:
    """Refuse a query that does not ask for counting and eventual consistency."""
    if not query.advanced or query.given.get("$count") != "true":
        message = "The specified query needs $count=true and the header ConsistencyLevel: eventual."
        raise query.refuse(400, "Request_UnsupportedQuery", message)


def groups(estate: Estate, found: DirectoryObject) -> list[Document]:
    """Return the groups of a service principal, nested ones included."""
    return [
        {"id": group, "displayName": None, "description": None, "securityEnabled": None}
        for group in sorted(estate.memberships.get(found.object_id, ()))
    ]
