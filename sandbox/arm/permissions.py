"""What the caller itself may do on a scope: Microsoft.Authorization/permissions.

Azure REST API reference, "Permissions: List For Resource", "List For Resource Group": one entry for
each role that reaches the scope, from wherever it is inherited. Excluded actions stay in the entry
of the role that excludes them, because they hold for that role alone.
"""

from collections.abc import Sequence
from typing import Final

from starlette.requests import Request

from sandbox.arm import errors, role_shapes
from sandbox.tokens import Caller
from sandbox.wire import Document
from sandbox.world import World

_READ: Final = "Microsoft.Authorization/permissions/read"
_ENDING: Final = ["providers", "microsoft.authorization", "permissions"]


def is_asked_for(parts: Sequence[str]) -> bool:
    """Say whether a path, in small letters, ends in the permissions on some scope."""
    return list(parts[-3:]) == _ENDING


def of_caller(world: World, request: Request, caller: Caller) -> list[Document]:
    """Return what each of the caller's roles allows on the scope before the provider."""
    path = request.url.path.rstrip("/")
    scope = path[: path.lower().rindex("/providers/microsoft.authorization")]
    _ensure_vault(world, scope)
    held = world.access.roles(caller.object_id, scope)
    if not any(role.allows(_READ, data=False) for role in held):
        raise errors.unauthorized(caller, _READ, scope)
    return [role_shapes.permission(role) for role in held]


def _ensure_vault(world: World, scope: str) -> None:
    """Refuse a vault that is not there; other scopes are the estate's own."""
    group, found, name = scope.lower().partition("/providers/microsoft.keyvault/vaults/")
    if not found:
        return
    vault = world.estate.vaults.get(name)
    if vault is None or vault.resource_id.lower() != scope.lower():
        raise errors.vault_not_found(name, group.rpartition("/")[2])
