"""The permission doctor's probes, against Azure Resource Manager, Key Vault and Microsoft Graph.

Azure REST API reference: "Permissions: List For Resource", "Role Assignments: List For
Subscription" (`assignedTo` includes the object's groups), "Role Definitions: Get", all of
Microsoft.Authorization 2022-04-01; "Vaults: List By Subscription"; Key Vault's lists. Microsoft
Graph v1.0, "List servicePrincipal transitive memberOf".
"""

from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from services.scanner.adapters import paths
from services.scanner.adapters.key_vault import API as VAULT_API
from services.scanner.adapters.key_vault import GateOf, open_gate
from services.scanner.adapters.management import API as MANAGEMENT_API
from services.scanner.adapters.management import PAGE
from services.scanner.adapters.permission_token import identity_of
from services.scanner.adapters.resource_graph import ResourceGraphEstate
from services.scanner.adapters.vaults import vault_ref
from services.scanner.domain.inventory import VaultRef
from services.scanner.domain.permission_facts import Assignment, Identity, PolicyEntry
from services.scanner.domain.permission_grants import Grant
from services.scanner.ports import VaultWithPolicies
from shared.clouds import CloudClient, CloudSession, HostGuard, SingleFlightCredential, pages, wire
from shared.clouds.claims import claims_of
from shared.clouds.client import get
from shared.clouds.errors import CloudError
from shared.clouds.paging import rows

_API: Final = "2022-04-01"
_PROVIDER: Final = "providers/Microsoft.Authorization"


class AzurePermissionProbes:
    """Implements `ports.PermissionProbes` with discovery's own guarded clients.

    `gate` names the gate that requests to a vault pass: those of a scan's go through it too.
    """

    def __init__(
        self,
        session: CloudSession,
        credential: SingleFlightCredential,
        *,
        arm: CloudClient,
        graph: CloudClient,
        gate: GateOf = open_gate,
    ) -> None:
        self._cloud = session.cloud
        self._credential = credential
        self._arm = arm
        self._graph = graph
        self._gate = gate
        self._timeouts = session.timeouts
        self._vaults = session.transport(HostGuard(session.cloud.owns_vault), paths.VAULT)

    async def identity(self) -> Identity:
        """Return whom the tokens name; a token that Microsoft Graph's is not had tells no roles."""
        arm = claims_of((await self._credential.get_token_info(self._cloud.arm_scope)).token)
        try:
            token = await self._credential.get_token_info(self._cloud.graph_scope)
            graph = claims_of(token.token)
        except CloudError:
            graph = None
        return identity_of(arm, graph)

    async def groups(self, object_id: str) -> frozenset[str]:
        """Return the groups of a service principal, asked for with Application.Read.All.

        The cast to groups is an advanced query: it needs `$count` and this header on each page.
        """
        what = "the groups of this identity"
        first = get(
            f"{self._cloud.graph}/v1.0/servicePrincipals/{quote(object_id, safe='')}"
            "/transitiveMemberOf/microsoft.graph.group",
            **{"$select": "id", "$top": "999", "$count": "true"},
        )
        first.headers["ConsistencyLevel"] = "eventual"
        found = pages(self._graph, first, what, link="@odata.nextLink")
        return frozenset(
            [wire.text(row, "id", what).lower() async for page in found for row in page]
        )

    async def resource_graph(self, subscription_ids: Sequence[str]) -> list[VaultRef]:
        return await ResourceGraphEstate(self._arm, self._cloud.arm).vaults(subscription_ids)

    async def vaults(self, subscription_id: str) -> list[VaultWithPolicies]:
        what = f"the vaults of subscription {subscription_id}"
        path = f"/subscriptions/{subscription_id}/providers/Microsoft.KeyVault/vaults"
        found = await self._list(path, what, **{"api-version": MANAGEMENT_API, "$top": PAGE})
        return [VaultWithPolicies(vault_ref(row, what), _policies(row, what)) for row in found]

    async def assignments(self, subscription_id: str, object_id: str) -> list[Assignment]:
        what = f"the role assignments in subscription {subscription_id}"
        found = await self._list(
            f"/subscriptions/{subscription_id}/{_PROVIDER}/roleAssignments",
            what,
            **{"api-version": _API, "$filter": f"assignedTo('{object_id}')"},
        )
        given = {wire.text(row, "id", what): wire.part(row, "properties", what) for row in found}
        ids = {
            wire.text(row, "roleDefinitionId", what).rpartition("/")[2] for row in given.values()
        }
        roles = {role: await self._role(subscription_id, role) for role in sorted(ids)}
        return [_assignment(name, row, roles, what) for name, row in given.items()]

    async def grants(self, vault: VaultRef) -> list[Grant]:
        what = f"the permissions on vault {vault.name}"
        path = f"{quote(vault.resource_id, safe='/()')}/{_PROVIDER}/permissions"
        found = await self._list(path, what, **{"api-version": _API})
        return [_grant(row, what) for row in found]

    async def list_one(self, vault: VaultRef, kind: str) -> None:
        what = f"the {kind} of vault {vault.name}"
        address = f"{vault.uri.rstrip('/')}/{kind}"
        query = {"api-version": VAULT_API, "maxresults": "1"}
        rows(await self._client(vault).read(get(address, **query), what), "value", what)

    async def list_application(self) -> None:
        what = "the tenant's applications"
        request = get(f"{self._cloud.graph}/v1.0/applications", **{"$top": "1", "$select": "id"})
        rows(await self._graph.read(request, what), "value", what)

    def _client(self, vault: VaultRef) -> CloudClient:
        """Return a client for one vault, on the connections that all share."""
        return CloudClient(
            self._vaults,
            self._credential,
            audience="vault",
            scope=self._cloud.vault_scope,
            total_seconds=self._timeouts.total,
            gate=self._gate(vault),
        )

    async def _list(self, path: str, what: str, **query: str) -> list[wire.Row]:
        first = get(self._cloud.arm + path, **query)
        return [row async for page in pages(self._arm, first, what) for row in page]

    async def _role(self, subscription_id: str, role_id: str) -> tuple[str, tuple[Grant, ...]]:
        """Return a role's name and what it grants."""
        what = f"what role {role_id} allows"
        path = f"/subscriptions/{subscription_id}/{_PROVIDER}/roleDefinitions/{role_id}"
        answer = await self._arm.read(get(self._cloud.arm + path, **{"api-version": _API}), what)
        role = wire.part(answer, "properties", what)
        grants = tuple(_grant(row, what) for row in rows(role, "permissions", what))
        return wire.text(role, "roleName", what), grants


def _assignment(
    name: str, row: wire.Row, roles: dict[str, tuple[str, tuple[Grant, ...]]], what: str
) -> Assignment:
    role_id = wire.text(row, "roleDefinitionId", what).rpartition("/")[2]
    role_name, grants = roles[role_id]
    return Assignment(
        id=name,
        scope=wire.text(row, "scope", what),
        principal_id=wire.text(row, "principalId", what),
        role_id=role_id,
        role_name=role_name,
        grants=grants,
    )


def _grant(row: wire.Row, what: str) -> Grant:
    return Grant(
        actions=_texts(row, "actions", what),
        not_actions=_texts(row, "notActions", what),
        data_actions=_texts(row, "dataActions", what),
        not_data_actions=_texts(row, "notDataActions", what),
    )


def _policies(row: wire.Row, what: str) -> tuple[PolicyEntry, ...]:
    properties = wire.part(row, "properties", what)
    if properties.get("accessPolicies") is None:
        return ()
    return tuple(_policy(entry, what) for entry in rows(properties, "accessPolicies", what))


def _policy(entry: wire.Row, what: str) -> PolicyEntry:
    permissions = wire.part(entry, "permissions", what)
    return PolicyEntry(
        object_id=wire.text(entry, "objectId", what).lower(),
        permissions={kind: _texts(permissions, kind, what) for kind in permissions},
    )


def _texts(row: wire.Row, name: str, what: str) -> tuple[str, ...]:
    """Return a list of texts; none where Azure leaves it out."""
    found = wire.optional(row, name, list, what) or []
    return tuple(wire.text({name: word}, name, what) for word in found)
