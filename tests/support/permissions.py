"""Facts of an identity with the least that discovery needs, to be spoiled; and probes in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from services.scanner.domain.inventory import VaultRef
from services.scanner.domain.permission_facts import (
    WORKED,
    Assignment,
    Facts,
    Identity,
    PolicyEntry,
    Probe,
    SubscriptionFacts,
    VaultFacts,
)
from services.scanner.domain.permission_grants import Grant
from services.scanner.ports import VaultWithPolicies
from shared.events.permissions import Answer
from tests.support.scanner import EAST, GRAPH, a_vault

ME, MY_CLIENT, MY_TENANT = "object-me", "client-me", "tenant"
GROUP, STRANGER = "object-group", "object-stranger"
KINDS = ("secrets", "keys", "certificates")
READER = Grant(actions=("*/read",))
KEY_VAULT_READER = Grant(
    actions=("Microsoft.KeyVault/vaults/*/read",),
    data_actions=(
        "Microsoft.KeyVault/vaults/*/read",
        "Microsoft.KeyVault/vaults/secrets/readMetadata/action",
    ),
)
LIST_ONLY = PolicyEntry(object_id=ME, permissions=dict.fromkeys(KINDS, ("list",)))
NO, CLOSED = Probe(Answer.NO, "No role allows it."), Probe(Answer.UNKNOWN, "Its firewall refuses.")
DENIED = dict.fromkeys(KINDS, NO)


def an_identity(**changes: Any) -> Identity:
    """Discovery's own identity, whose token tells its groups: none."""
    given = {
        "object_id": ME,
        "client_id": MY_CLIENT,
        "tenant_id": MY_TENANT,
        "groups": frozenset[str](),
        "graph_roles": frozenset({"Application.Read.All"}),
        **changes,
    }
    return Identity(**given)


def an_assignment(
    grant: Grant, scope: str = f"/subscriptions/{EAST}", **changes: Any
) -> Assignment:
    given = {
        "id": f"{scope}/providers/Microsoft.Authorization/roleAssignments/one",
        "scope": scope,
        "principal_id": ME,
        "role_id": "role-id",
        "role_name": "Some Role",
        "grants": (grant,),
        **changes,
    }
    return Assignment(**given)


def rbac_vault(*more: Grant, **changes: Any) -> VaultFacts:
    """A vault with roles: the least, and more if told so."""
    given = {
        "vault": a_vault("kv-rbac"),
        "granted": WORKED,
        "grants": (READER, KEY_VAULT_READER, *more),
        "lists": dict.fromkeys(KINDS, WORKED),
        **changes,
    }
    return VaultFacts(**given)


def policy_vault(*policies: PolicyEntry, **changes: Any) -> VaultFacts:
    """A vault with access policies: one that lists only, unless others are given."""
    given = {
        "vault": a_vault("kv-policy", rbac=False),
        "granted": WORKED,
        "grants": (READER,),
        "policies": policies or (LIST_ONLY,),
        "lists": dict.fromkeys(KINDS, WORKED),
        **changes,
    }
    return VaultFacts(**given)


def the_facts(*vaults: VaultFacts, **changes: Any) -> Facts:
    """What the probes of the least identity find: all that is needed and nothing more."""
    given = {
        "graph": GRAPH,
        "identity": an_identity(),
        "identified": WORKED,
        "visible": WORKED,
        "resource_graph": WORKED,
        "applications": WORKED,
        "subscriptions": (SubscriptionFacts(id=EAST, name="East", vaults=WORKED),),
        "vaults": vaults or (rbac_vault(), policy_vault()),
        **changes,
    }
    return Facts(**given)


@dataclass
class FakeProbes:
    """Probes in memory; an exception in place of an answer is raised."""

    who: Identity | Exception = field(default_factory=an_identity)
    member_of: frozenset[str] | Exception = frozenset()
    listed: list[VaultWithPolicies] | Exception = field(default_factory=list)
    indexed: list[VaultRef] | Exception | None = None
    roles: list[Assignment] | Exception = field(default_factory=list)
    granted: list[Grant] | Exception = field(default_factory=lambda: [READER, KEY_VAULT_READER])
    lists: dict[tuple[str, str], Exception] = field(default_factory=dict)
    application: Exception | None = None
    tried: list[tuple[str, str]] = field(default_factory=list)

    async def identity(self) -> Identity:
        return _given(self.who)

    async def groups(self, object_id: str) -> frozenset[str]:
        self.tried.append((object_id, "groups"))
        return _given(self.member_of)

    async def resource_graph(self, subscription_ids: Sequence[str]) -> list[VaultRef]:
        found = _given(self.indexed) or [vault for vault, _ in _given(self.listed)]
        return [vault for vault in found if vault.subscription_id in subscription_ids]

    async def vaults(self, subscription_id: str) -> list[VaultWithPolicies]:
        return [one for one in _given(self.listed) if one.vault.subscription_id == subscription_id]

    async def assignments(self, subscription_id: str, object_id: str) -> list[Assignment]:
        self.tried.append((subscription_id, object_id))
        return _given(self.roles)

    async def grants(self, vault: VaultRef) -> list[Grant]:
        self.tried.append((vault.name, "permissions"))
        return _given(self.granted)

    async def list_one(self, vault: VaultRef, kind: str) -> None:
        self.tried.append((vault.name, kind))
        if failure := self.lists.get((vault.name, kind)):
            raise failure

    async def list_application(self) -> None:
        if self.application:
            raise self.application


def _given(answer: Any) -> Any:
    if isinstance(answer, Exception):
        raise answer
    return answer
