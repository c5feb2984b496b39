"""Where a vault's logs and metrics are sent (Azure Monitor REST API, "Diagnostic Settings")."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRule:
    """A category of logs or metrics, or a group of them (`audit`, `allLogs`).

    `retention_days` counts for a storage account only; 0 is for ever, None: none is set.
    """

    name: str
    group: bool = False
    enabled: bool = False
    retention_days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosticSetting:
    """One setting with its sinks as resource ids in small letters; None: not sent there."""

    name: str
    workspace_id: str | None = None
    storage_account_id: str | None = None
    event_hub_rule_id: str | None = None
    event_hub_name: str | None = None
    partner_id: str | None = None
    logs: tuple[LogRule, ...] = ()
    metrics: tuple[LogRule, ...] = ()
