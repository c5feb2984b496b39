"""Roles and their assignments as Resource Manager writes them (Microsoft.Authorization)."""

from sandbox.clock import iso
from sandbox.estate.model import Assignment, Estate
from sandbox.roles import Role
from sandbox.wire import Document

_BUILT_IN_SINCE = "2015-02-02T21:55:09.8806423Z"
_PROVIDER = "/providers/Microsoft.Authorization"


def permission(role: Role) -> Document:
    """Return what a role allows, as its definition and the caller's own permissions show it."""
    return {
        "actions": list(role.actions),
        "notActions": list(role.not_actions),
        "dataActions": list(role.data_actions),
        "notDataActions": list(role.not_data_actions),
    }


def role_definition(role: Role) -> Document:
    return {
        "id": f"{_PROVIDER}/roleDefinitions/{role.id}",
        "name": role.id,
        "type": "Microsoft.Authorization/roleDefinitions",
        "properties": {
            "roleName": role.name,
            "type": "CustomRole" if role.custom_at else "BuiltInRole",
            "description": role.description,
            "assignableScopes": list(role.custom_at) or ["/"],
            "permissions": [permission(role)],
            "createdOn": _BUILT_IN_SINCE,
            "updatedOn": _BUILT_IN_SINCE,
            "createdBy": None,
            "updatedBy": None,
        },
    }


def role_assignment(estate: Estate, found: Assignment) -> Document:
    """Return the assignment; below a subscription its role is named by an id below it."""
    parts = found.scope.split("/")
    own = f"/subscriptions/{parts[2]}" if parts[1:2] == ["subscriptions"] else ""
    role = estate.roles()[found.role]
    return {
        "id": f"{found.scope.rstrip('/')}{_PROVIDER}/roleAssignments/{found.id}",
        "name": found.id,
        "type": "Microsoft.Authorization/roleAssignments",
        "properties": {
            "roleDefinitionId": f"{own}{_PROVIDER}/roleDefinitions/{role.id}",
            "principalId": found.object_id,
            "principalType": found.principal_type,
            "scope": found.scope,
            "condition": found.condition,
            "conditionVersion": "2.0" if found.condition else None,
            "createdOn": iso(estate.made_at),
            "updatedOn": iso(estate.made_at),
            "createdBy": None,
            "updatedBy": None,
            "delegatedManagedIdentityResourceId": None,
            "description": None,
        },
    }
