"""Who may do what: roles, what they allow in a vault, and to whom they are assigned.

Whether a role lets somebody read values follows from its data actions, never from its name: a
tenant may define roles of its own. Source: Azure RBAC, "Understand role definitions" (an action is
allowed where an action of a permission matches it and no "not" action of the same permission does).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

READ_VALUE: Final = "Microsoft.KeyVault/vaults/secrets/getSecret/action"
_VAULT: Final = "microsoft.keyvault/vaults/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """One permission of a role; `*` in an action stands for anything."""

    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()

    def allows_data(self, action: str) -> bool:
        """Say whether this permission allows an action on data."""
        return _matches(self.data_actions, action) and not _matches(self.not_data_actions, action)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleDefinition:
    """A role of Azure's or (`custom`) of the tenant's own; `id` is its GUID in small letters."""

    id: str
    name: str
    custom: bool
    permissions: tuple[Permission, ...] = ()

    @property
    def reads_values(self) -> bool:
        """Whether the role reads the values of a vault's secrets, private keys included."""
        return any(permission.allows_data(READ_VALUE) for permission in self.permissions)

    @property
    def vault_data_actions(self) -> tuple[str, ...]:
        """The role's data actions that concern vaults, as written in the role, in order."""
        actions = {a for permission in self.permissions for a in permission.data_actions}
        return tuple(sorted(action for action in actions if _concerns_vaults(action)))


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleAssignment:
    """A role given to a principal on a scope and everything below it.

    `id` and `scope` are in small letters, `/` is the tenant's root. A `conditional` assignment
    allows less than its role, depending on a condition that only Azure evaluates.
    """

    id: str
    scope: str
    principal_id: str
    principal_type: str | None
    role_id: str
    conditional: bool = False


def is_at_or_above(scope: str, subscription_id: str, groups: Sequence[str]) -> bool:
    """Say whether a scope is a subscription or above it; `groups` are those above it, by name."""
    above = {"/", f"/subscriptions/{subscription_id}"}
    above |= {f"/providers/microsoft.management/managementgroups/{n.lower()}" for n in groups}
    return scope in above


def _concerns_vaults(pattern: str) -> bool:
    """Say whether an action pattern can match an action on a vault's data."""
    fixed = pattern.lower().partition("*")[0]
    return fixed.startswith(_VAULT) or ("*" in pattern and _VAULT.startswith(fixed))


def _matches(patterns: Sequence[str], action: str) -> bool:
    return any(_expression(pattern).fullmatch(action) for pattern in patterns)


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, pattern.split("*"))), re.IGNORECASE)
