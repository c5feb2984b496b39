"""Role definitions and role assignments from their JSON (Microsoft.Authorization)."""

from services.scanner.domain.grants import Permission, RoleAssignment, RoleDefinition
from shared.clouds import wire
from shared.clouds.paging import rows


def role_assignment(row: wire.Row, what: str) -> RoleAssignment:
    """Return the assignment that a row describes."""
    properties = wire.part(row, "properties", what)
    return RoleAssignment(
        id=wire.text(row, "id", what).lower(),
        scope=wire.text(properties, "scope", what).lower().rstrip("/") or "/",
        principal_id=wire.text(properties, "principalId", what).lower(),
        principal_type=wire.optional(properties, "principalType", str, what),
        role_id=_guid(wire.text(properties, "roleDefinitionId", what)),
        conditional=bool(wire.optional(properties, "condition", str, what)),
    )


def role_definition(row: wire.Row, what: str) -> RoleDefinition:
    """Return the role that a row describes."""
    properties = wire.part(row, "properties", what)
    return RoleDefinition(
        id=_guid(wire.text(row, "id", what)),
        name=wire.text_or_empty(properties, "roleName", what),
        custom=wire.text_or_empty(properties, "type", what).lower() == "customrole",
        permissions=tuple(
            _permission(found, what) for found in rows(properties, "permissions", what)
        ),
    )


def _permission(row: wire.Row, what: str) -> Permission:
    return Permission(
        actions=_actions(row, "actions", what),
        not_actions=_actions(row, "notActions", what),
        data_actions=_actions(row, "dataActions", what),
        not_data_actions=_actions(row, "notDataActions", what),
    )


def _actions(row: wire.Row, name: str, what: str) -> tuple[str, ...]:
    return tuple(sorted(set(wire.texts(row, name, what))))


def _guid(role_id: str) -> str:
    """Return the last part of a role's id: the id before it names the scope that was asked."""
    return role_id.rstrip("/").rsplit("/", 1)[-1].lower()
