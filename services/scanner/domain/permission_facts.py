"""What the permission doctor's probes found out, as plain values. No value and no token is here."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.scanner.domain.inventory import VaultRef
from services.scanner.domain.permission_grants import Grant
from shared.events.permissions import Answer


@dataclass(frozen=True, slots=True)
class Probe:
    """What trying something came to; `reason` is a sentence for anything but yes."""

    answer: Answer
    reason: str = ""


WORKED = Probe(Answer.YES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Whom the tokens name, by their own claims.

    `groups` is None where neither the token nor Microsoft Graph tells them all; `graph_roles` None
    for a person's token, whose rights in Microsoft Graph are not the roles of an application.
    """

    object_id: str
    client_id: str
    tenant_id: str
    is_application: bool = True
    groups: frozenset[str] | None = None
    graph_roles: frozenset[str] | None = frozenset()

    def is_named(self, object_id: str) -> bool:
        """Whether an object id is this identity's, or that of a group it is known to be in."""
        wanted = object_id.lower()
        return wanted == self.object_id.lower() or wanted in (self.groups or ())


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyEntry:
    """What one access policy of a vault lets an object do; words by kind of item."""

    object_id: str
    permissions: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A role that the identity, or a group of its, was given on a scope."""

    id: str
    scope: str
    principal_id: str
    role_id: str
    role_name: str
    grants: tuple[Grant, ...]

    def covers(self, resource_id: str) -> bool:
        """Whether the scope is the resource or above it.

        Only assignments at, above and below the resource's subscription are ever asked for, so a
        management group among them is one above it.
        """
        scope = self.scope.rstrip("/").lower()
        if scope.startswith("/subscriptions/"):
            return f"{resource_id.lower()}/".startswith(f"{scope}/")
        return True

    def is_below(self, resource_id: str) -> bool:
        """Whether the scope is something inside the resource, such as one secret."""
        return self.scope.lower().startswith(f"{resource_id.lower()}/")


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionFacts:
    """A subscription that can be seen: tries of listing its vaults and its role assignments."""

    id: str
    name: str
    vaults: Probe
    assigned: Probe = WORKED


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultFacts:
    """A vault: its granted permissions, its access policies, and a try of each list.

    `grants` is empty where `granted` is not yes. `assignments` are those at, above and inside it.
    These and `policies` are None where they cannot be read.
    """

    vault: VaultRef
    granted: Probe
    grants: tuple[Grant, ...] = ()
    assignments: tuple[Assignment, ...] | None = ()
    policies: tuple[PolicyEntry, ...] | None = ()
    lists: Mapping[str, Probe] = field(default_factory=dict)

    def held(self) -> tuple[Grant, ...]:
        """Return every grant that is known to reach into the vault.

        `Microsoft.Authorization/permissions` tells nothing of assignments inside the vault; and
        where it could not be asked, the assignments above it are what is known.
        """
        whole = self.granted.answer is Answer.YES
        return self.grants + tuple(
            grant
            for one in self.assignments or ()
            for grant in one.grants
            if one.is_below(self.vault.resource_id) or not whole
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything that one check found; `identity` is None where no token could be had or read.

    `graph` is Microsoft Graph's address in the identity's cloud, for commands; `grouped` the try of
    learning the identity's groups.
    """

    graph: str
    identity: Identity | None
    identified: Probe
    visible: Probe
    resource_graph: Probe
    applications: Probe
    grouped: Probe = WORKED
    subscriptions: tuple[SubscriptionFacts, ...] = ()
    vaults: tuple[VaultFacts, ...] = ()
