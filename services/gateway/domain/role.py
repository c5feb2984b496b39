"""Who may do what: five roles, one table. What is not in the table is denied."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """What a user is to the platform."""

    VIEWER = "viewer"
    AUDITOR = "auditor"
    OPERATOR = "operator"
    APPROVER = "approver"
    ADMIN = "admin"


class Permission(StrEnum):
    """What an endpoint asks for; each endpoint declares exactly one."""

    OPEN = "open"  # nobody needs to be signed in
    OWN_SESSION = "own_session"
    OWN_FACTOR = "own_factor"
    OWN_TOKENS = "own_tokens"
    READ_SELF = "read_self"
    READ_INVENTORY = "read_inventory"
    REQUEST_SCAN = "request_scan"
    MANAGE_THRESHOLDS = "manage_thresholds"
    MANAGE_SUBSCRIPTIONS = "manage_subscriptions"
    READ_ALERTS = "read_alerts"
    READ_LIVE = "read_live"
    READ_SYSTEM = "read_system"
    REPLAY_DEAD_LETTERS = "replay_dead_letters"
    PURGE_DEAD_LETTERS = "purge_dead_letters"
    READ_AUTOMATION = "read_automation"
    PLAN_ROTATION = "plan_rotation"
    REQUEST_ROTATION = "request_rotation"
    MANAGE_CREDENTIALS = "manage_credentials"
    MANAGE_POLICIES = "manage_policies"
    REQUEST_SYNC = "request_sync"
    APPROVE = "approve"
    READ_AUDIT = "read_audit"
    READ_KEYS = "read_keys"
    READ_USERS = "read_users"
    MANAGE_USERS = "manage_users"
    READ_LICENSE = "read_license"
    MANAGE_LICENSE = "manage_license"


# What everybody may do with what is their own.
OF_ONESELF: Final = frozenset(
    {
        Permission.OWN_SESSION,
        Permission.OWN_FACTOR,
        Permission.OWN_TOKENS,
        Permission.READ_SELF,
    }
)
_READ: Final = frozenset(
    {
        Permission.OPEN,
        *OF_ONESELF,
        Permission.READ_INVENTORY,
        Permission.READ_ALERTS,
        Permission.READ_LIVE,
        Permission.READ_SYSTEM,
        Permission.READ_AUTOMATION,
        Permission.READ_LICENSE,
    }
)
_OPERATE: Final = frozenset(
    {
        Permission.REQUEST_SCAN,
        Permission.REPLAY_DEAD_LETTERS,
        Permission.PLAN_ROTATION,
        Permission.REQUEST_ROTATION,
        Permission.MANAGE_CREDENTIALS,
        Permission.REQUEST_SYNC,
    }
)

GRANTS: Final[Mapping[Role, frozenset[Permission]]] = {
    Role.VIEWER: _READ,
    Role.AUDITOR: _READ | {Permission.READ_USERS, Permission.READ_AUDIT, Permission.READ_KEYS},
    Role.OPERATOR: _READ | _OPERATE,
    # Whoever approves a plan makes one to read.
    Role.APPROVER: _READ | {Permission.APPROVE, Permission.PLAN_ROTATION},
    Role.ADMIN: frozenset(Permission),
}


def allows(role: Role | None, permission: Permission) -> bool:
    """Return whether the role may; somebody who is not signed in (None) only what is open."""
    if role is None:
        return permission is Permission.OPEN
    return permission in GRANTS[role]
