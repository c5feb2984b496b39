"""The vaults' settings, and who else may do what, as they stand in a company that has grown.

Thrown with dice of its own after everything else, so that no other throw shifts.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Literal

from sandbox.estate.control_plane import (
    DiagnosticSetting,
    LogRule,
    ManagementGroup,
    NetworkAcls,
    PrivateEndpoint,
    VaultSettings,
)
from sandbox.estate.model import AccessPolicy, Assignment, Estate, Kind, Vault
from sandbox.profiles.dice import Dice
from sandbox.roles import Role

_DEPLOYMENTS: Final = ("Deployment", "DiskEncryption", "TemplateDeployment")
_OPTIONAL: Final = (
    "enabledForDiskEncryption", "enabledForTemplateDeployment", "enableSoftDelete",
    "softDeleteRetentionInDays",
)  # fmt: skip
_ADDRESSES: Final = ("203.0.113.7/32", "198.51.100.0/24", "0.0.0.0/0", "192.0.2.0/25")
_STATES: Final[Sequence[Literal["Approved", "Pending", "Rejected", "Disconnected"]]] = (
    "Approved", "Approved", "Pending", "Rejected", "Disconnected",
)  # fmt: skip
_PERMISSIONS: Final[Sequence[tuple[Kind, tuple[str, ...]]]] = (
    ("secrets", ("Get", "List", "Set", "Delete", "Recover", "Backup", "Restore", "Purge")),
    ("keys", ("get", "list", "create", "unwrapKey", "wrapKey", "sign", "getrotationpolicy")),
    ("certificates", ("get", "list", "import", "managecontacts", "getissuers", "all")),
)
_PRINCIPALS: Final = ("User", "Group", "ServicePrincipal", "ForeignGroup")
_BROAD: Final = ("Owner", "Contributor", "Key Vault Administrator", "Key Vault Secrets Officer")
_NARROW: Final = ("Key Vault Secrets User", "Key Vault Crypto Officer", "Reader")


def configure(estate: Estate) -> Estate:
    """Give every vault settings and the tenant groups, a custom role and more grants."""
    dice = Dice(f"{estate.profile}:{estate.seed}:control plane")
    _group(estate, dice)
    _define_roles(estate, dice)
    _assign(estate, dice)
    for name in sorted(estate.vaults):
        vault = estate.vaults[name]
        vault.settings = _settings(estate, dice, vault)
        _add_policies(dice, vault)
    return estate


def _group(estate: Estate, dice: Dice) -> None:
    root = ManagementGroup(name=estate.tenant_id, display_name="Tenant Root Group")
    middle = ManagementGroup(
        name="mg-contoso-landing-zones", display_name="Landing zones", parent=root.name
    )
    corp = ManagementGroup(
        name="mg-contoso-corp",
        display_name="Corp",
        parent=middle.name,
        subscriptions=tuple(s.id for s in estate.subscriptions[:-1]),
    )
    last = (estate.subscriptions[-1].id,)
    under = dice.pick((middle, root))
    estate.groups = [
        replace(group, subscriptions=group.subscriptions + (last if group is under else ()))
        for group in (root, middle, corp)
    ]


def _define_roles(estate: Estate, dice: Dice) -> None:
    """Define roles of the tenant's own whose names do not tell what they allow."""
    scopes = tuple(f"/subscriptions/{s.id}" for s in estate.subscriptions)
    vaults = "Microsoft.KeyVault/vaults"
    estate.custom_roles = [
        Role(
            dice.guid(),
            "Contoso Application Operator",
            "Runs applications.",
            ("Microsoft.Web/sites/*", f"{vaults}/read"),
            (f"{vaults}/secrets/*/action",),
            custom_at=scopes,
        ),
        Role(
            dice.guid(),
            "Contoso Secrets Steward",
            "Looks after secrets without reading them.",
            (f"{vaults}/*/read",),
            (f"{vaults}/secrets/*",),
            not_data_actions=(f"{vaults}/secrets/getSecret/action",),
            custom_at=scopes,
        ),
    ]


def _assign(estate: Estate, dice: Dice) -> None:
    """Assign roles to people and groups, from the tenant's root down to one secret."""
    custom = [role.name for role in estate.custom_roles]
    scopes = ["/", *(group.scope for group in estate.groups)]
    scopes += [f"/subscriptions/{s.id}" for s in estate.subscriptions]
    for name in dice.some(sorted(estate.vaults), 10):
        vault = estate.vaults[name]
        group = vault.resource_id.partition("/providers/")[0]
        secrets = sorted(vault.live["secrets"])
        inside = [f"{vault.resource_id}/secrets/{dice.pick(secrets)}"] if secrets else []
        scopes.append(dice.pick([group, vault.resource_id, *inside]))
    for scope in scopes:
        for _ in range(dice.pick((1, 1, 2))):
            role = dice.pick((*_BROAD, *_NARROW, *custom))
            condition = "@Resource[name] StringEquals 'x'" if dice.chance(0.15) else None
            kind = dice.pick(_PRINCIPALS)
            given = Assignment(dice.guid(), scope, dice.guid(), role, kind, condition)
            estate.assignments.append(given)


def _settings(estate: Estate, dice: Dice, vault: Vault) -> VaultSettings:
    left_out = {name for name in _OPTIONAL if dice.chance(0.12)}
    if vault.firewall == "open" and dice.chance(0.2):
        left_out.add("publicNetworkAccess")
    return VaultSettings(
        enabled_for=frozenset(name for name in _DEPLOYMENTS if dice.chance(0.3)),
        network=_network(estate, dice, vault),
        endpoints=tuple(_endpoint(dice, vault, n) for n in range(dice.pick((0, 0, 1, 2)))),
        diagnostics=tuple(_diagnostic(dice, vault, n) for n in range(dice.pick((0, 1, 1, 2)))),
        left_out=frozenset(left_out),
        created_by=dice.pick((f"ada@{estate.domain}", dice.guid())),
        created_by_type=dice.pick(("User", "Application")),
    )


def _network(estate: Estate, dice: Dice, vault: Vault) -> NetworkAcls | None:
    """Return rules that agree with who gets in; an open vault may show none at all."""
    if vault.firewall == "open" and dice.chance(0.4):
        return None
    subnet = (
        f"/subscriptions/{estate.subscriptions[0].id}/resourceGroups/rg-Network/providers"
        "/Microsoft.Network/virtualNetworks/vnet-Hub/subnets/snet-{}"
    )
    return NetworkAcls(
        default_action="Allow" if vault.firewall == "open" else "Deny",
        bypass=dice.pick(("AzureServices", "None")),
        ip_rules=tuple(dice.some(_ADDRESSES, dice.integer(0, 3))),
        subnets=tuple(subnet.format(n) for n in range(dice.pick((0, 0, 1, 2)))),
    )


def _endpoint(dice: Dice, vault: Vault, number: int) -> PrivateEndpoint:
    name = f"pe-{vault.name}-{number}"
    home = f"/subscriptions/{vault.subscription_id}/resourceGroups/{vault.resource_group}"
    return PrivateEndpoint(
        name=f"{name}.{dice.guid()}",
        endpoint_id=f"{home}/providers/Microsoft.Network/privateEndpoints/{name}",
        state=dice.pick(_STATES),
    )


def _diagnostic(dice: Dice, vault: Vault, number: int) -> DiagnosticSetting:
    home = f"/subscriptions/{vault.subscription_id}/resourceGroups/rg-Logs/providers"
    hub = f"{home}/Microsoft.EventHub/namespaces/evh-logs/authorizationRules/SendRule"
    sinks = {
        "workspaceId": f"{home}/Microsoft.OperationalInsights/workspaces/law-Central",
        "storageAccountId": f"{home}/Microsoft.Storage/storageAccounts/stlogs",
        "eventHubAuthorizationRuleId": hub,
    }
    chosen = {name: sinks[name] for name in dice.some(sorted(sinks), dice.pick((1, 1, 2)))}
    if "eventHubAuthorizationRuleId" in chosen:
        chosen["eventHubName"] = "vault-logs"
    rules = [
        LogRule(name="AuditEvent", enabled=dice.chance(0.8), retention_days=dice.pick((0, 90, 365)))
    ]
    if dice.chance(0.4):
        rules = [LogRule(name=dice.pick(("audit", "allLogs")), group=True)]
    elif dice.chance(0.5):
        rules.append(LogRule(name="AzurePolicyEvaluationDetails", enabled=dice.chance(0.5)))
    metrics = (LogRule(name="AllMetrics", enabled=dice.chance(0.5)),)
    return DiagnosticSetting(
        name=f"diag-{number}", sinks=chosen, logs=tuple(rules), metrics=metrics
    )


def _add_policies(dice: Dice, vault: Vault) -> None:
    """Add policies of people and of applications that act for them.

    A vault that went over to roles keeps its policies; they grant nothing any more.
    """
    for _ in range(dice.pick((0, 1, 2))):
        permissions: dict[Kind, tuple[str, ...]] = {
            kind: tuple(dice.some(words, dice.integer(0, 4))) for kind, words in _PERMISSIONS
        }
        vault.policies += (
            AccessPolicy(
                dice.guid(),
                permissions,
                application_id=dice.guid() if dice.chance(0.3) else None,
                storage=("get", "list") if dice.chance(0.2) else (),
            ),
        )
