"""The exact line that mends a permission, for the Azure CLI.

`az role assignment create` and `delete`, `az keyvault set-policy` (which replaces the words of each
kind that it names), `az ad group member remove`, `az rest` (Azure CLI reference). Roles are named
by their id, as Microsoft advises, because names can change; the name stands behind it.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from services.scanner.domain.inventory import VaultRef
from services.scanner.domain.permission_facts import Assignment, Identity
from services.scanner.domain.remedy import APPLICATION_READ_ALL, GRAPH


class Role(NamedTuple):
    """A built-in role."""

    id: str
    name: str


READER: Final = Role("acdd72a7-3385-48ef-bd42-f606fba81ae7", "Reader")
KEY_VAULT_READER: Final = Role("21090545-7ca7-4776-b22c-e363652d74d2", "Key Vault Reader")
NOBODY: Final = "<object id of the scanner's identity>"
SUBSCRIPTION: Final = "/subscriptions/<subscription id>"
_FLAGS: Final[Mapping[str, str]] = {
    "secrets": "--secret-permissions",
    "keys": "--key-permissions",
    "certificates": "--certificate-permissions",
    "storage": "--storage-permissions",
}


def assign(role: Role, scope: str, identity: Identity | None) -> str:
    """Return the line that gives the identity a role."""
    kind = "ServicePrincipal" if identity is None or identity.is_application else "User"
    return (
        f'az role assignment create --assignee-object-id "{_object(identity)}"'
        f' --assignee-principal-type {kind} --role "{role.id}" --scope "{scope}"  # {role.name}'
    )


def unassign(assignment: Assignment, identity: Identity) -> str:
    """Return the line that takes a role away: from the identity, not from a group's others."""
    if assignment.principal_id.lower() != identity.object_id.lower():
        return _leave(assignment.principal_id, identity)
    return f'az role assignment delete --ids "{assignment.id}"  # {assignment.role_name}'


def find_assignments(scope: str, identity: Identity | None) -> str:
    """Return the line that shows which assignment is to blame where that is not known."""
    return (
        f'az role assignment list --assignee "{_object(identity)}" --scope "{scope}"'
        " --include-inherited --include-groups --output table"
    )


def let_list(vault: VaultRef, kinds: Iterable[str], identity: Identity | None) -> str:
    """Return the line that lets the identity list these kinds by an access policy, and no more."""
    return _set_policy(vault, kinds, _object(identity))


def narrow(
    vault: VaultRef, kinds: Iterable[str], object_id: str, identity: Identity, wanted: Iterable[str]
) -> str:
    """Return the line that leaves of an access policy what is needed."""
    if object_id.lower() != identity.object_id.lower():
        return _leave(object_id, identity)
    return _set_policy(vault, kinds, object_id, frozenset(wanted))


def grant_application(identity: Identity | None, graph: str) -> str:
    """Return the line that grants Application.Read.All of Microsoft Graph, with consent.

    `graph` is its address in the identity's cloud, without a slash at its end.
    """
    own = _object(identity)
    return (
        f"graph=$(az ad sp show --id {GRAPH} --query id -o tsv) &&"
        f' az rest --method POST --url "{_assignments(graph, own)}" --body'
        f' "{{\\"principalId\\":\\"{own}\\",\\"resourceId\\":\\"$graph\\",'
        f'\\"appRoleId\\":\\"{APPLICATION_READ_ALL}\\"}}"  # Application.Read.All'
    )


def revoke_application(role: str, identity: Identity, graph: str) -> str:
    """Return the line that takes an application permission of Microsoft Graph away."""
    address = _assignments(graph, identity.object_id)
    return (
        f"role=$(az ad sp show --id {GRAPH} --query \"appRoles[?value=='{role}'].id\" -o tsv) &&"
        f' given=$(az rest --method GET --url "{address}"'
        " --query \"value[?appRoleId=='$role'].id\" -o tsv) &&"
        f' az rest --method DELETE --url "{address}/$given"  # {role}'
    )


def _set_policy(
    vault: VaultRef,
    kinds: Iterable[str],
    object_id: str,
    wanted: frozenset[str] = frozenset(_FLAGS),
) -> str:
    words = [
        f"{_FLAGS[kind]}{' list' if kind in wanted else ''}"
        for kind in _FLAGS
        if kind in set(kinds)
    ]
    return (
        f'az keyvault set-policy --name "{vault.name}" --resource-group "{vault.resource_group}"'
        f' --subscription "{vault.subscription_id}" --object-id "{object_id}" {" ".join(words)}'
    )


def _assignments(graph: str, object_id: str) -> str:
    return f"{graph}/v1.0/servicePrincipals/{object_id}/appRoleAssignments"


def _leave(group_id: str, identity: Identity) -> str:
    return (
        f'az ad group member remove --group "{group_id}" --member-id "{identity.object_id}"'
        "  # it comes by this group"
    )


def _object(identity: Identity | None) -> str:
    return identity.object_id if identity else NOBODY
