"""How a vault is set up, as its control plane tells, and what of that changed between two looks.

None always means that Azure left the field out. That is not "off": a rule that judges a vault must
be able to answer "unknown". Source of the fields: Key Vault REST API, "Vaults - Get"
(`VaultProperties`), and the resource's `systemData`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import orjson

Facts: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessPolicy:
    """What one access policy grants, in Azure's words in small letters and in order.

    With `application_id` it holds only where that application acts for the object.
    """

    object_id: str
    application_id: str | None = None
    keys: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    certificates: tuple[str, ...] = ()
    storage: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkRules:
    """A vault's firewall: `default_action` (Allow, Deny), and who is let in all the same.

    `bypass` is AzureServices or None in Azure's words; `ip_rules` are addresses or CIDR ranges,
    `subnets` resource ids in small letters.
    """

    default_action: str | None = None
    bypass: str | None = None
    ip_rules: tuple[str, ...] = ()
    subnets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateEndpoint:
    """A connection of a private endpoint and its state (Approved, Pending, Rejected, …)."""

    connection_id: str
    endpoint_id: str | None = None
    state: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultConfiguration:
    """A vault's settings. `retention_days` is how long a deleted object can be recovered.

    Azure shows `purge_protection` only where it is on. `policies` are kept, and without effect,
    where `rbac` is on. `created_by` is a user's name or an application's id.
    """

    tenant_id: str | None = None
    created_by: str | None = None
    created_by_type: str | None = None
    provisioning_state: str | None = None
    soft_delete: bool | None = None
    retention_days: int | None = None
    purge_protection: bool | None = None
    rbac: bool | None = None
    policies: tuple[AccessPolicy, ...] | None = None
    public_network_access: str | None = None
    network: NetworkRules | None = None
    private_endpoints: tuple[PrivateEndpoint, ...] | None = None
    enabled_for_deployment: bool | None = None
    enabled_for_disk_encryption: bool | None = None
    enabled_for_template_deployment: bool | None = None


@dataclass(frozen=True, slots=True)
class SettingChange:
    """One setting of a vault before and after, as JSON writes it."""

    field: str
    before: object
    after: object


def as_facts(configuration: VaultConfiguration) -> dict[str, Any]:
    """Return the settings as JSON writes them: lists for tuples, objects for values."""
    facts: dict[str, Any] = orjson.loads(orjson.dumps(configuration))
    return facts


def setting_changes(before: Facts, after: Facts) -> list[SettingChange]:
    """Return what differs of what is known both before and after, in the order of `after`.

    What only one side knows has not changed: it was not read.
    """
    return [
        SettingChange(field, before[field], value)
        for field, value in after.items()
        if field in before and before[field] != value
    ]
