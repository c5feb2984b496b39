"""What the sandbox says is true of grants and diagnostic settings, as the views tell it.

Written apart from the adapters and the views on purpose: were they to share code, both could be
wrong alike.
"""

import fnmatch
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from services.scanner.domain.configuration import as_facts
from tests.support import truth as truths

Document = Mapping[str, Any]
GET_SECRET = "microsoft.keyvault/vaults/secrets/getsecret/action"
_VAULTS = """
    SELECT name, configuration, configuration_outcome, grants_outcome, diagnostics,
           diagnostics_outcome
    FROM scanner.v_vault WHERE kind = 'vault' AND deleted_at IS NULL
"""
_GRANTS = """
    SELECT v.name, g.how, g.principal_id, g.principal_type, g.application_id, g.role_name, g.scope,
           g.reads_values, g.conditional
    FROM scanner.v_vault_grant g JOIN scanner.v_vault v ON v.id = g.vault_id
"""


class Reader(Protocol):
    """A pool or a connection that reads jsonb as values."""

    async def fetch(self, sql: str, /) -> list[Any]: ...


async def stored(reader: Reader) -> dict[str, Any]:
    """Return what the control plane told, as other services see it, by the vaults' names."""
    vaults = [dict(row) for row in await reader.fetch(_VAULTS)]
    granted: dict[str, set[tuple[Any, ...]]] = {row["name"]: set() for row in vaults}
    for row in await reader.fetch(_GRANTS):
        granted[row["name"]].add(tuple(row)[1:])
    parts = ("configuration_outcome", "grants_outcome", "diagnostics_outcome")
    return {
        "outcomes": {tuple(row[part] for part in parts) for row in vaults},
        "configurations": {row["name"]: row["configuration"] for row in vaults},
        "diagnostics": {row["name"]: row["diagnostics"] for row in vaults},
        "grants": granted,
    }


def expected(truth: Document) -> dict[str, Any]:
    """Return what `stored` should be when everything could be asked."""
    settings = configurations(truth)
    return {
        "outcomes": {("ok", "ok", "ok")},
        "configurations": {name: as_facts(one) for name, one in settings.items() if one},
        "diagnostics": diagnostics(truth),
        "grants": grants(truth),
    }


def grants(truth: Document) -> dict[str, set[tuple[Any, ...]]]:
    """Return who may do what in each vault, by the vault's name."""
    by_place: defaultdict[str, list[Document]] = defaultdict(list)
    for assignment in truth["role_assignments"]:
        by_place[_place(assignment["properties"]["scope"])].append(assignment)
    return {
        vault["name"]: set(_grants(truth, vault, by_place[""] + by_place[_place(vault["id"])]))
        for vault in truth["vaults"]
    }


def _place(scope: str) -> str:
    """Return the subscription that a scope is in; nothing for one above subscriptions."""
    parts = scope.lower().split("/")
    return parts[2] if parts[1] == "subscriptions" else ""


def _grants(
    truth: Document, vault: Document, assignments: list[Document]
) -> Iterator[tuple[Any, ...]]:
    rbac = vault["properties"]["enableRbacAuthorization"]
    roles = {role["name"]: role["properties"] for role in truth["role_definitions"]}
    groups = {scope.lower() for scope in truth["management_groups"][vault["subscriptionId"]]}
    own = vault["id"].lower()
    for assignment in assignments:
        given = assignment["properties"]
        scope = given["scope"].lower()
        inside = f"{own}/".startswith(f"{scope}/") or scope.startswith(f"{own}/")
        if scope != "/" and scope not in groups and not inside:
            continue
        role = roles[given["roleDefinitionId"].rsplit("/", 1)[1]]
        yield (
            "role",
            given["principalId"],
            given["principalType"],
            None,
            role["roleName"],
            scope,
            rbac and reads_values(role),
            bool(given["condition"]),
        )
    for policy in [] if rbac else vault["properties"]["accessPolicies"]:
        secrets = {word.lower() for word in policy["permissions"].get("secrets", ())}
        application = policy.get("applicationId")
        reads = bool(secrets & {"get", "all"})
        yield ("access_policy", policy["objectId"], None, application, None, own, reads, False)


def reads_values(role: Document) -> bool:
    return any(
        any(fnmatch.fnmatchcase(GET_SECRET, a.lower()) for a in permission["dataActions"])
        and not any(
            fnmatch.fnmatchcase(GET_SECRET, a.lower()) for a in permission["notDataActions"]
        )
        for permission in role["permissions"]
    )


def diagnostics(truth: Document) -> dict[str, list[Document]]:
    """Return each vault's diagnostic settings, as the view writes them."""
    return {
        vault["name"]: [
            _setting(each) for each in sorted(vault["diagnosticSettings"], key=lambda s: s["name"])
        ]
        for vault in truth["vaults"]
    }


def _setting(shown: Document) -> Document:
    properties = shown["properties"]

    def sink(name: str) -> str | None:
        return properties[name].lower() if properties[name] else None

    return {
        "name": shown["name"],
        "workspace_id": sink("workspaceId"),
        "storage_account_id": sink("storageAccountId"),
        "event_hub_rule_id": sink("eventHubAuthorizationRuleId"),
        "event_hub_name": properties["eventHubName"],
        "partner_id": None,
        "logs": sorted(map(_rule, properties["logs"]), key=lambda rule: rule["name"]),
        "metrics": [_rule(rule) for rule in properties["metrics"]],
    }


def _rule(rule: Document) -> dict[str, Any]:
    retention = rule.get("retentionPolicy", {"enabled": False})
    return {
        "name": rule["category"] or rule["categoryGroup"],
        "group": rule["category"] is None,
        "enabled": rule["enabled"],
        "retention_days": retention["days"] if retention["enabled"] else None,
    }


def configurations(truth: Document) -> dict[str, Any]:
    return {vault.name: vault.configuration for vault in truths.vaults(truth).values()}
