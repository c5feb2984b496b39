"""Role assignments and role definitions (Microsoft.Authorization)."""

import re
from collections.abc import Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from sandbox.arm import errors, role_shapes
from sandbox.arm.paging import page
from sandbox.estate.model import Assignment, Estate
from sandbox.tokens import Caller
from sandbox.wire import Document, answer
from sandbox.world import World

_PROVIDER: Final = ["providers", "microsoft.authorization"]
_ASSIGNMENTS: Final = "roleassignments"
_DEFINITIONS: Final = "roledefinitions"
_PRINCIPAL: Final = re.compile(r"(principalId\s+eq|assignedTo\()\s*'([^']+)'", re.IGNORECASE)
_ROLE_NAME: Final = re.compile(r"roleName\s+eq\s+'([^']+)'", re.IGNORECASE)
_READ: Final = "Microsoft.Authorization/roleAssignments/read"


def is_asked_for(parts: Sequence[str]) -> bool:
    """Say whether a path, in small letters, ends in roles of some scope."""
    listed = list(parts[-3:-1]) == _PROVIDER and parts[-1] in (_ASSIGNMENTS, _DEFINITIONS)
    return listed or (list(parts[-4:-2]) == _PROVIDER and parts[-2] == _DEFINITIONS)


def answer_roles(world: World, request: Request, caller: Caller) -> Response:
    """Answer for the scope that stands before the provider in the path."""
    path = request.url.path.rstrip("/")
    scope = path[: path.lower().rindex("/providers/microsoft.authorization")]
    last = path.lower().rsplit("/", 1)[-1]
    if last == _ASSIGNMENTS:
        return page(world, request, _assignments(world, request, caller, scope))
    definitions = [role_shapes.role_definition(role) for role in world.estate.roles().values()]
    wanted = _ROLE_NAME.search(request.query_params.get("$filter", ""))
    if last == _DEFINITIONS:
        kept = [d for d in definitions if not wanted or _name(d) == wanted[1].lower()]
        return page(world, request, kept)
    for definition in definitions:
        if definition["name"] == last:
            return answer(definition)
    raise errors.error(
        404, "RoleDefinitionDoesNotExist", f"The specified role definition '{last}' was not found."
    )


def _name(definition: Document) -> str:
    return str(definition["properties"]["roleName"]).lower()


def _assignments(world: World, request: Request, caller: Caller, scope: str) -> list[Document]:
    """Return the assignments at, above and below the scope, as the filter narrows them."""
    if not world.access.allows(caller.object_id, _READ, scope):
        raise errors.unauthorized(caller, _READ, scope)
    text = request.query_params.get("$filter", "")
    holders = _holders(world.estate, text)
    at_scope = "atscope()" in text.lower()

    def is_wanted(found: Assignment) -> bool:
        near = covers(world.estate, found.scope, scope) or (
            not at_scope and f"{found.scope.lower()}/".startswith(f"{scope.lower()}/")
        )
        return near and (holders is None or found.object_id in holders)

    assignments = filter(is_wanted, world.estate.assignments)
    return [role_shapes.role_assignment(world.estate, found) for found in assignments]


def _holders(estate: Estate, text: str) -> frozenset[str] | None:
    """Return whose assignments a filter asks for, None for everybody's.

    `assignedTo` asks for those of the object's groups too, `principalId` does not.
    """
    found = _PRINCIPAL.search(text)
    if found is None:
        return None
    by_groups = found[1].lower().startswith("assignedto")
    return estate.with_groups(found[2]) if by_groups else frozenset({found[2]})


def covers(estate: Estate, above: str, scope: str) -> bool:
    """Say whether a scope is another one or above it, management groups and the root included."""
    wide, narrow = above.lower().rstrip("/"), scope.lower()
    if f"{narrow}/".startswith(f"{wide}/"):
        return True
    parts = narrow.split("/")
    groups = estate.groups_above(parts[2]) if parts[1:2] == ["subscriptions"] else []
    return any(group.scope.lower() == wide for group in groups)
