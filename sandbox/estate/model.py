"""The tenant's objects. Instants are seconds since the epoch, as Key Vault keeps them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

from sandbox.certificates import Look
from sandbox.estate.control_plane import ManagementGroup, VaultSettings
from sandbox.estate.directory import Application, CredentialRules, ServicePrincipal
from sandbox.key_pairs import KeyType
from sandbox.roles import ROLES, Role

Kind = Literal["secrets", "keys", "certificates"]
KINDS: Final[tuple[Kind, ...]] = ("secrets", "keys", "certificates")
Firewall = Literal["open", "selected-networks", "private-only"]
NO_TAGS: Final[Mapping[str, str]] = {}
Written = Mapping[str, Any]
"""Part of an answer as the wire has it."""


@dataclass(slots=True)
class Version:
    """One version of an item. What a kind does not have stays at its default."""

    id: str
    created: int
    updated: int
    enabled: bool = True
    not_before: int | None = None
    expires: int | None = None
    tags: Mapping[str, str] = field(default_factory=lambda: NO_TAGS)
    content_type: str | None = None
    value: str = ""
    key_type: KeyType = "RSA-2048"
    certificate: bytes = b""
    look: Look | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyTraits:
    """What only a single read tells of a key; `rotation` is its policy, None until one is set."""

    hsm: bool = False
    exportable: bool = False
    release_policy: bool = False
    rotation: Written | None = None


@dataclass(slots=True)
class Item:
    """A secret, a key or a certificate with its versions, the oldest first.

    `managed` marks the key and the secret that belong to a certificate of the same name. `policy`
    is what a certificate's policy has of its own, `operation` its pending operation.
    """

    kind: Kind
    name: str
    versions: list[Version]
    managed: bool = False
    deleted_at: int | None = None
    traits: KeyTraits = field(default_factory=KeyTraits)
    policy: Written = field(default_factory=dict)
    operation: Written | None = None

    @property
    def current(self) -> Version:
        return self.versions[-1]

    def version(self, version_id: str) -> Version | None:
        return next((v for v in self.versions if v.id == version_id), None)


class Shelf(dict[str, Item]):
    """Items by name in lower case. Remembers their order: a long list is asked for page by page."""

    def __init__(self) -> None:
        super().__init__()
        self._names: list[str] | None = None

    def names(self) -> list[str]:
        """Return the names in their order."""
        if self._names is None:
            self._names = sorted(self)
        return self._names

    def __setitem__(self, name: str, item: Item) -> None:
        if name not in self:
            self._names = None
        super().__setitem__(name, item)

    def pop(self, name: str, default: Item | None = None) -> Item | None:  # type: ignore[override] # one form of it is used
        self._names = None
        return super().pop(name, default)


@dataclass(frozen=True, slots=True)
class AccessPolicy:
    """What a vault's own policy lets an object do; permissions in Azure's words.

    With `application_id` it holds only for that application acting for the object.
    """

    object_id: str
    permissions: Mapping[Kind, tuple[str, ...]]
    application_id: str | None = None
    storage: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class Vault:
    """A key vault with what it holds. Names are compared without regard to case, as in Azure."""

    name: str
    subscription_id: str
    resource_group: str
    location: str
    created: int
    rbac: bool = True
    policies: tuple[AccessPolicy, ...] = ()
    sku: Literal["standard", "premium"] = "standard"
    tags: Mapping[str, str] = field(default_factory=lambda: NO_TAGS)
    retention_days: int = 90
    purge_protection: bool = False
    firewall: Firewall = "open"
    settings: VaultSettings = field(default_factory=VaultSettings)
    # Certificates that were asked for and never issued: only a list that includes them shows them.
    awaiting: dict[str, Item] = field(default_factory=dict)
    live: dict[Kind, Shelf] = field(default_factory=lambda: {kind: Shelf() for kind in KINDS})
    deleted: dict[Kind, Shelf] = field(default_factory=lambda: {kind: Shelf() for kind in KINDS})

    @property
    def resource_id(self) -> str:
        return (
            f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
            f"/providers/Microsoft.KeyVault/vaults/{self.name}"
        )

    @property
    def recovery_level(self) -> str:
        """Return what the service says about getting deleted items back."""
        level = "Recoverable" if self.retention_days == _LONGEST_RETENTION else _CUSTOMIZED
        return level if self.purge_protection else f"{level}+Purgeable"

    def add(self, item: Item) -> Item:
        self.live[item.kind][item.name.lower()] = item
        return item

    def find(self, kind: Kind, name: str) -> Item | None:
        return self.live[kind].get(name.lower())

    def count(self) -> int:
        return sum(len(items) for items in self.live.values())


_LONGEST_RETENTION: Final = 90
_CUSTOMIZED: Final = "CustomizedRecoverable"


class Subscription(NamedTuple):
    """An Azure subscription."""

    id: str
    name: str
    state: str = "Enabled"


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who can get a token: a managed identity, or a service principal with a secret."""

    name: str
    client_id: str
    object_id: str
    kind: Literal["managed", "application"] = "managed"
    graph_roles: tuple[str, ...] = ()

    def resource_id(self, subscription_id: str) -> str:
        return (
            f"/subscriptions/{subscription_id}/resourcegroups/rg-certifyclouds/providers"
            f"/Microsoft.ManagedIdentity/userAssignedIdentities/id-certifyclouds-{self.name}"
        )


class Assignment(NamedTuple):
    """A role given to an object on a scope and everything below it."""

    id: str
    scope: str
    object_id: str
    role: str
    principal_type: str = "ServicePrincipal"
    condition: str | None = None


@dataclass(slots=True, kw_only=True)
class Estate:
    """A tenant and everything in it."""

    tenant_id: str
    organization: str
    domain: str
    profile: str
    seed: int
    made_at: int
    subscriptions: list[Subscription] = field(default_factory=list)
    vaults: dict[str, Vault] = field(default_factory=dict)
    deleted_vaults: dict[str, Vault] = field(default_factory=dict)
    principals: dict[str, Principal] = field(default_factory=dict)
    assignments: list[Assignment] = field(default_factory=list)
    applications: list[Application] = field(default_factory=list)
    service_principals: list[ServicePrincipal] = field(default_factory=list)
    credential_rules: CredentialRules = field(default_factory=CredentialRules)
    groups: list[ManagementGroup] = field(default_factory=list)
    custom_roles: list[Role] = field(default_factory=list)
    # The ids of the Entra groups that an object is in, nested ones included.
    memberships: dict[str, frozenset[str]] = field(default_factory=dict)

    def roles(self) -> dict[str, Role]:
        """Return every role of the tenant by its name."""
        return ROLES | {role.name: role for role in self.custom_roles}

    def groups_above(self, subscription_id: str) -> list[ManagementGroup]:
        """Return the management groups above a subscription, the nearest first."""
        by_name = {group.name: group for group in self.groups}
        wanted = subscription_id.lower()
        at = next((group for group in self.groups if wanted in group.subscriptions), None)
        found = []
        while at is not None:
            found.append(at)
            at = by_name.get(at.parent or "")
        return found

    def add_vault(self, vault: Vault) -> Vault:
        self.vaults[vault.name.lower()] = vault
        return vault

    def vaults_of(self, subscription_id: str) -> Iterator[Vault]:
        """Yield a subscription's vaults in the order of their names."""
        wanted = subscription_id.lower()
        for name in sorted(self.vaults):
            if self.vaults[name].subscription_id.lower() == wanted:
                yield self.vaults[name]

    def with_groups(self, object_id: str) -> frozenset[str]:
        """Return an object's id and those of its groups: what it is given by any, it has."""
        return self.memberships.get(object_id, frozenset()) | {object_id}

    def application(self, app_id: str) -> Application | None:
        return next((each for each in self.applications if each.app_id == app_id), None)

    def service_principal(self, app_id: str) -> ServicePrincipal | None:
        return next((each for each in self.service_principals if each.app_id == app_id), None)

    def principal(self, object_id: str) -> Principal | None:
        return next((p for p in self.principals.values() if p.object_id == object_id), None)
