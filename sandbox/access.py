"""Who may do what: role assignments on resources, and the policies of vaults without RBAC."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from sandbox.estate.model import Estate, Kind, Vault
from sandbox.roles import Role

GROUP: Final = "contoso"
_SECRET_ACTIONS: Final = {
    "list": "readMetadata/action",
    "get": "getSecret/action",
    "set": "setSecret/action",
    "delete": "delete",
    "recover": "recover/action",
    "purge": "purge/action",
}
_OTHER_ACTIONS: Final = {
    "list": "read",
    "get": "read",
    "create": "create/action",
    "import": "import/action",
    "update": "update/action",
    "sign": "sign/action",
    "delete": "delete",
    "recover": "recover/action",
    "purge": "purge/action",
}

_POLICY_ACTIONS: Final = {"getrotationpolicy": "read", "setrotationpolicy": "write"}


def data_action(kind: Kind, permission: str) -> str:
    """Return the data action that a permission in a vault policy's words stands for.

    Whoever may set a secret may also update its attributes, as under an access policy.
    """
    if policy := _POLICY_ACTIONS.get(permission):
        return f"Microsoft.KeyVault/vaults/keyrotationpolicies/{policy}"
    actions = _SECRET_ACTIONS if kind == "secrets" else _OTHER_ACTIONS
    return f"Microsoft.KeyVault/vaults/{kind}/{actions[permission]}"


class Access:
    """Decides from the estate's assignments, as they stood at first, and its vaults' policies."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._groups = tuple(management_group(name) for name in (GROUP, estate.tenant_id))
        self._roles: defaultdict[str, defaultdict[str, set[Role]]] = defaultdict(
            lambda: defaultdict(set)
        )
        roles = estate.roles()
        for assignment in estate.assignments:
            by_scope = self._roles[assignment.object_id]
            by_scope[assignment.scope.lower()].add(roles[assignment.role])
        self._denied: set[str] = set()

    def deny(self, vault: Vault) -> None:
        """Take everybody's rights to what the vault holds."""
        self._denied.add(vault.name)

    def allow(self, vault: Vault) -> None:
        """Give them back."""
        self._denied.discard(vault.name)

    def is_denied(self, vault: Vault) -> bool:
        return vault.name in self._denied

    def allows(self, object_id: str, action: str, scope: str, *, data: bool = False) -> bool:
        """Say whether a role on the scope, or above it, allows the action."""
        return any(role.allows(action, data=data) for role in self.roles(object_id, scope))

    def roles(self, object_id: str, scope: str) -> list[Role]:
        """Return the object's roles on the scope or above it, by name."""
        scopes = list(self._upwards(scope))
        found = {
            role
            for each in self._estate.with_groups(object_id)
            for above in scopes
            for role in self._roles[each].get(above, ())
        }
        return sorted(found, key=lambda role: role.name)

    def reaches(self, assigned: str, scope: str) -> bool:
        """Say whether what is assigned on one scope holds on another: it is the same or above."""
        return assigned.lower() in self._upwards(scope)

    def may(self, object_id: str, vault: Vault, kind: Kind, permission: str) -> bool:
        """Say whether the object may do this in the vault; its network is not looked at."""
        if self.is_denied(vault):
            return False
        if vault.rbac:
            action = data_action(kind, permission)
            return self.allows(object_id, action, vault.resource_id, data=True)
        holders = self._estate.with_groups(object_id)
        return any(
            policy.object_id in holders
            and {permission, "all"} & set(policy.permissions.get(kind, ()))
            for policy in vault.policies
        )

    def sees_subscription(self, object_id: str, subscription_id: str) -> bool:
        """Say whether the object holds any role in or above the subscription: it shows itself."""
        own = f"/subscriptions/{subscription_id}".lower()
        above = set(self._upwards(own))
        return any(
            scope in above or scope.startswith(f"{own}/")
            for each in self._estate.with_groups(object_id)
            for scope in self._roles[each]
        )

    def readable(self, object_id: str, vault: Vault) -> dict[str, bool]:
        """Return for each kind whether the object can list it from here."""
        reached = vault.firewall == "open"
        return {
            kind: reached and self.may(object_id, vault, kind, "list")
            for kind in ("secrets", "keys", "certificates")
        }

    def _upwards(self, scope: str) -> Iterator[str]:
        """Yield the scope and every one above it: resource, group, subscription, management groups.

        Every subscription of an estate is in one management group under the tenant's root, whose
        name is the tenant's id.
        """
        yield from _within(scope.lower().rstrip("/"))
        if scope.lower().startswith("/subscriptions/"):
            yield from self._groups
        yield "/"


def management_group(name: str) -> str:
    """Return a management group's scope, in small letters."""
    return f"/providers/microsoft.management/managementgroups/{name}".lower()


def _within(scope: str) -> Iterator[str]:
    while scope:
        yield scope
        scope = scope.rpartition("/")[0]
