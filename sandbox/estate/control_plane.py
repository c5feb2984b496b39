"""What Resource Manager keeps of a vault beside its items, and what stands above subscriptions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkAcls:
    """A vault's firewall: who comes in by address or by subnet, and who passes it by."""

    default_action: Literal["Allow", "Deny"] = "Allow"
    bypass: Literal["AzureServices", "None"] = "AzureServices"
    ip_rules: tuple[str, ...] = ()
    subnets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateEndpoint:
    """A connection of a private endpoint to a vault, and whether the owner approved it."""

    name: str
    endpoint_id: str
    state: Literal["Approved", "Pending", "Rejected", "Disconnected"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRule:
    """A category, or a group of them, that a diagnostic setting sends or does not send."""

    name: str
    group: bool = False
    enabled: bool = True
    retention_days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosticSetting:
    """Where a vault's logs and metrics go; `sinks` under the names of the wire."""

    name: str
    sinks: Mapping[str, str]
    logs: tuple[LogRule, ...] = ()
    metrics: tuple[LogRule, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultSettings:
    """A vault's settings. `left_out` names properties that the service does not show.

    As it does not for vaults that were made before a property came up.
    """

    enabled_for: frozenset[str] = frozenset()
    network: NetworkAcls | None = None
    endpoints: tuple[PrivateEndpoint, ...] = ()
    diagnostics: tuple[DiagnosticSetting, ...] = ()
    left_out: frozenset[str] = frozenset()
    created_by: str | None = None
    created_by_type: Literal["User", "Application"] = "User"


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagementGroup:
    """A management group, its parent (None: it is the tenant's root) and its subscriptions."""

    name: str
    display_name: str
    parent: str | None = None
    subscriptions: tuple[str, ...] = ()

    @property
    def scope(self) -> str:
        return f"/providers/Microsoft.Management/managementGroups/{self.name}"
