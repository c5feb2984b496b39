"""Diagnostic settings of a vault (Microsoft.Insights, 2021-05-01-preview)."""

from sandbox.estate.control_plane import DiagnosticSetting, LogRule
from sandbox.estate.model import Vault
from sandbox.wire import Document

READ = "Microsoft.Insights/diagnosticSettings/read"


def diagnostic_settings(vault: Vault) -> list[Document]:
    """Return the vault's settings as their list shows them."""
    return [_setting(vault, found) for found in vault.settings.diagnostics]


def _setting(vault: Vault, found: DiagnosticSetting) -> Document:
    place = f"{vault.resource_id}/providers/microsoft.insights/diagnosticSettings/{found.name}"
    sinks = dict.fromkeys(
        (
            "storageAccountId",
            "serviceBusRuleId",
            "workspaceId",
            "eventHubAuthorizationRuleId",
            "eventHubName",
        )
    )
    return {
        # The service writes this id in small letters, whatever the vault's own looks like.
        "id": place.lower(),
        "type": "Microsoft.Insights/diagnosticSettings",
        "name": found.name,
        "location": None,
        "kind": None,
        "tags": None,
        "identity": None,
        "properties": {
            **sinks,
            **found.sinks,
            "logs": [_rule(rule) for rule in found.logs],
            "metrics": [_rule(rule) for rule in found.metrics],
            "logAnalyticsDestinationType": None,
        },
    }


def _rule(rule: LogRule) -> Document:
    shown: Document = {
        "category": None if rule.group else rule.name,
        "categoryGroup": rule.name if rule.group else None,
        "enabled": rule.enabled,
    }
    if rule.retention_days is not None:
        days = rule.retention_days
        shown["retentionPolicy"] = {"enabled": days > 0, "days": days}
    return shown
