"""What to do about a source that could not be read: a sentence, and the command if there is one.

The commands are those of the Azure CLI's reference (`az role assignment create`,
`az keyvault set-policy`, `az keyvault network-rule add`, `az rest`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from services.scanner.domain.inventory import VaultRef
from shared.events.scanning import VaultOutcome


@dataclass(frozen=True, slots=True)
class Assignee:
    """Whom a command is for: an identity's client id, and Microsoft Graph's address in its cloud.

    The address has no slash at its end.
    """

    client_id: str
    graph: str


UNKNOWN_ASSIGNEE: Final = Assignee(
    client_id="<client id of the scanner's identity>",
    graph="<address of Microsoft Graph in its cloud>",
)

# Microsoft Graph's own application, and its application permission Application.Read.All.
GRAPH: Final = "00000003-0000-0000-c000-000000000000"
APPLICATION_READ_ALL: Final = "9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30"


_SENTENCES: Final[Mapping[VaultOutcome, str | None]] = {
    VaultOutcome.OK: None,
    VaultOutcome.NOT_FOUND: (
        "Nothing answers at its address. If it was deleted, this ends with the next scan that can"
        " list its subscription; if not, check its private DNS zone."
    ),
    VaultOutcome.THROTTLED: (
        "Its request quota is used up, perhaps by other applications; the next scan tries again."
    ),
    VaultOutcome.TIMED_OUT: (
        "It did not answer in time. The next scan tries again; if this stays, look at the network"
        " path from the scanner to it (private endpoint, DNS, proxy)."
    ),
    VaultOutcome.FAILED: (
        "The next scan tries again; if this stays, the scanner's log has an entry with its name."
    ),
}


def remedy(outcome: VaultOutcome, vault: VaultRef | None, assignee: Assignee) -> str | None:
    """Return what to do about an outcome; None for a source that was read.

    `vault` is None for the tenant's Entra directory.
    """
    if outcome is VaultOutcome.DENIED:
        return _grant_directory(assignee) if vault is None else _grant(vault, assignee)
    if outcome is VaultOutcome.FIREWALLED:
        return _open_network(vault)
    return _SENTENCES[outcome]


def _grant(vault: VaultRef, assignee: Assignee) -> str:
    if vault.rbac:
        return (
            "The identity lacks the role Key Vault Reader: az role assignment create --assignee"
            f' "{assignee.client_id}" --role "Key Vault Reader" --scope "{vault.resource_id}"'
        )
    return (
        "The identity lacks the permission List in the vault's access policies: az keyvault"
        f' set-policy --name "{vault.name}" --resource-group "{vault.resource_group}"'
        f' --subscription "{vault.subscription_id}" --spn "{assignee.client_id}"'
        " --secret-permissions list --key-permissions list --certificate-permissions list"
    )


def detail_remedy(vault: VaultRef, assignee: Assignee, *, by_role: bool) -> str:
    """Return how to let the identity read details; without it the listing is still complete.

    Set-policy replaces what it names, so the permission List is named again.
    """
    if by_role:
        return f"Optional, for details. {_grant(replace(vault, rbac=True), assignee)}"
    return (
        "Optional, for details (public halves and policies, no value): az keyvault set-policy"
        f' --name "{vault.name}" --resource-group "{vault.resource_group}" --subscription'
        f' "{vault.subscription_id}" --spn "{assignee.client_id}" --key-permissions list get'
        " getrotationpolicy --certificate-permissions list get"
    )


def _grant_directory(assignee: Assignee) -> str:
    return (
        "The identity lacks the Microsoft Graph application permission Application.Read.All:"
        f" graph=$(az ad sp show --id {GRAPH} --query id -o tsv) &&"
        f' identity=$(az ad sp show --id "{assignee.client_id}" --query id -o tsv) &&'
        " az rest --method POST --url"
        f' "{assignee.graph}/v1.0/servicePrincipals/$identity/appRoleAssignments" --body'
        ' "{\\"principalId\\":\\"$identity\\",\\"resourceId\\":\\"$graph\\",'
        f'\\"appRoleId\\":\\"{APPLICATION_READ_ALL}\\"}}"'
    )


def _open_network(vault: VaultRef | None) -> str:
    if vault is None:
        return "A firewall or proxy between the scanner and Microsoft Graph refuses; open the path."
    return (
        "Its firewall refuses the scanner's address: give the scanner a private endpoint to it, or"
        f' az keyvault network-rule add --name "{vault.name}" --resource-group'
        f' "{vault.resource_group}" --subscription "{vault.subscription_id}" --ip-address'
        ' "<outbound address of the scanner>"'
    )


def grant_reader(scope: str, assignee: Assignee) -> str:
    """Return what lets the identity read a scope's resources, assignments and settings."""
    return (
        "The identity lacks the role Reader: az role assignment create --assignee"
        f' "{assignee.client_id}" --role "Reader" --scope "{scope}"'
    )
