"""The groups that a service principal is in, as Microsoft Graph lists them.

Microsoft Graph REST API v1.0: "List servicePrincipal transitive memberOf", with the cast to groups,
which is an advanced query ("Advanced query capabilities on directory objects"). With
Application.Read.All alone a group's id is told and everything else of it is null ("Limited
information returned for inaccessible member objects").
"""

from collections.abc import Callable, Sequence
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, StringConstraints
from starlette.requests import Request

from sandbox.estate.model import Estate
from sandbox.wire import Document, RefusedError
from sandbox.world import World

_RELATION: Final = ["transitivememberof", "microsoft.graph.group"]

Guid = Annotated[str, StringConstraints(pattern="^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
Refuse = Callable[[int, str, str], RefusedError]


class MembershipSetting(BaseModel):
    """The groups, by object id, that an identity is in from now; nested ones included."""

    model_config = ConfigDict(extra="forbid")

    identity: str
    groups: tuple[Guid, ...]


def is_asked_for(parts: Sequence[str]) -> bool:
    """Say whether a path below the version asks for a service principal's groups."""
    return parts[0] == "servicePrincipals" and [part.lower() for part in parts[2:]] == _RELATION


def groups(world: World, request: Request, object_id: str, refuse: Refuse) -> list[Document]:
    """Return the groups of a service principal, nested ones included.

    `refuse` makes the error for a status, a code and a message.
    """
    advanced = request.headers.get("consistencylevel", "").lower() == "eventual"
    if not advanced or request.query_params.get("$count") != "true":
        message = "The specified query needs $count=true and the header ConsistencyLevel: eventual."
        raise refuse(400, "Request_UnsupportedQuery", message)
    wanted = object_id.lower()
    if not _is_known(world.estate, wanted):
        message = (
            f"Resource '{object_id}' does not exist or one of its queried reference-property"
            " objects are not present."
        )
        raise refuse(404, "Request_ResourceNotFound", message)
    return [
        {"id": group, "displayName": None, "description": None, "securityEnabled": None}
        for group in sorted(world.estate.memberships.get(wanted, ()))
    ]


def _is_known(estate: Estate, object_id: str) -> bool:
    of_application = (each.principal_id for each in estate.applications)
    return estate.principal(object_id) is not None or object_id in of_application
