"""A vault's diagnostic settings: one request for each vault (Azure Monitor REST API)."""

from functools import partial
from typing import Final
from urllib.parse import quote

from services.scanner.adapters.each import Pace, unhurried
from services.scanner.domain.diagnostics import DiagnosticSetting, LogRule
from services.scanner.domain.inventory import VaultRef
from shared.clouds import CloudClient, pages, wire
from shared.clouds.client import get, unexpected
from shared.clouds.paging import rows

_API: Final = "2021-05-01-preview"


class ManagementDiagnostics:
    """Implements `ports.Diagnostics`. `arm` is the management endpoint, without a closing slash.

    `pace` is awaited with the subscription's id before each request.
    """

    def __init__(self, client: CloudClient, arm: str, *, pace: Pace = unhurried) -> None:
        self._client = client
        self._arm = arm
        self._pace = pace

    async def settings(self, vault: VaultRef) -> tuple[DiagnosticSetting, ...]:
        what = f"the diagnostic settings of vault {vault.name}"
        # A resource group's name may hold letters of any script.
        own = quote(vault.resource_id, safe="/()")
        path = f"{own}/providers/Microsoft.Insights/diagnosticSettings"
        first = get(self._arm + path, **{"api-version": _API})
        turn = partial(self._pace, vault.subscription_id)
        listed = pages(self._client, first, what, turn=turn)
        found = [_setting(row, what) async for page in listed for row in page]
        return tuple(sorted(found, key=lambda setting: setting.name))


def _setting(row: wire.Row, what: str) -> DiagnosticSetting:
    properties = wire.part(row, "properties", what)
    return DiagnosticSetting(
        name=wire.text(row, "name", what),
        workspace_id=_id(properties, "workspaceId", what),
        storage_account_id=_id(properties, "storageAccountId", what),
        event_hub_rule_id=_id(properties, "eventHubAuthorizationRuleId", what),
        event_hub_name=wire.optional(properties, "eventHubName", str, what) or None,
        partner_id=_id(properties, "marketplacePartnerId", what),
        logs=_rules(properties, "logs", what),
        metrics=_rules(properties, "metrics", what),
    )


def _id(row: wire.Row, name: str, what: str) -> str | None:
    found = wire.optional(row, name, str, what)
    return found.lower() if found else None


def _rules(properties: wire.Row, name: str, what: str) -> tuple[LogRule, ...]:
    if properties.get(name) is None:
        return ()
    found = [_rule(row, what) for row in rows(properties, name, what)]
    return tuple(sorted(found, key=lambda rule: (rule.group, rule.name)))


def _rule(row: wire.Row, what: str) -> LogRule:
    category = wire.optional(row, "category", str, what)
    group = wire.optional(row, "categoryGroup", str, what)
    if not (category or group):
        raise unexpected(what, "a rule names neither a category nor a group")
    retention = wire.part(row, "retentionPolicy", what)
    keeps = wire.optional(retention, "enabled", bool, what)
    days = wire.optional(retention, "days", int, what)
    return LogRule(
        name=category or group or "",
        group=not category,
        enabled=wire.optional(row, "enabled", bool, what) or False,
        retention_days=days if keeps else None,
    )
