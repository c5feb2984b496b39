"""Settings, grants and diagnostics from a control plane in a bad mood: never less than all."""

from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from services.scanner.adapters import graph_queries
from services.scanner.adapters.diagnostics import ManagementDiagnostics
from services.scanner.adapters.grants import FallbackGrants, ManagementGrants, ResourceGraphGrants
from services.scanner.adapters.graph_queries import GraphQueries
from services.scanner.adapters.management import FallbackEstate
from services.scanner.domain.diagnostics import LogRule
from services.scanner.ports import PartlyListedError
from shared.clouds.errors import (
    AccessDeniedError,
    UnavailableError,
    UnexpectedAnswerError,
)
from tests.integration.clouds.test_estate import GRAPH, graph_page, managed_row
from tests.support.clouds import Adapters, Answer, LocalCloud, listing, says

DENIED = says({"error": {"code": "AuthorizationFailed"}}, status=403)
ROLE = "/providers/Microsoft.Authorization/RoleDefinitions/R-1"


def vaults_of(subscription: str) -> str:
    return f"/subscriptions/{subscription}/providers/Microsoft.KeyVault/vaults"


def authorization(subscription: str, collection: str) -> str:
    return f"/subscriptions/{subscription}/providers/Microsoft.Authorization/{collection}"


def assignment(scope: str, name: str = "a", role: str = ROLE) -> dict[str, Any]:
    return {
        "id": f"{scope.rstrip('/')}/providers/Microsoft.Authorization/roleAssignments/{name}",
        "properties": {
            "scope": scope,
            "principalId": "P-1",
            "principalType": "Group",
            "roleDefinitionId": role,
            "condition": None,
        },
    }


def definition(role: str = ROLE) -> dict[str, Any]:
    actions = {"dataActions": ["Microsoft.KeyVault/vaults/secrets/*"], "actions": []}
    return {
        "id": role,
        "properties": {"roleName": "R", "type": "CustomRole", "permissions": [actions]},
    }


def container(subscription: str, *groups: str) -> dict[str, Any]:
    chain = [{"name": name, "displayName": name} for name in groups]
    return {
        "id": f"/subscriptions/{subscription}",
        "subscriptionId": subscription,
        "properties": {"managementGroupAncestorsChain": chain},
    }


def graph(asked: list[dict[str, Any]], **tables: list[dict[str, Any]]) -> Answer:
    """Answer each query of grants with its rows; `assignments`, `definitions`, `containers`."""

    async def answer(request: web.Request) -> web.StreamResponse:
        body = await request.json()
        asked.append(body)
        kinds = {"roleassignments": "assignments", "roledefinitions": "definitions"}
        kind = next((k for word, k in kinds.items() if word in body["query"]), "containers")
        return web.json_response(graph_page(*tables.get(kind, [])))

    return answer


def grants(cloud: LocalCloud, adapters: Adapters) -> FallbackGrants:
    arm = cloud.settings.arm
    return FallbackGrants(
        ResourceGraphGrants(GraphQueries(adapters.arm, arm)), ManagementGrants(adapters.arm, arm)
    )


async def test_a_used_up_quota_is_waited_for_before_the_next_query(
    cloud: LocalCloud, adapters: Adapters
) -> None:
    quota = {"x-ms-user-quota-remaining": "0", "x-ms-user-quota-resets-after": "00:00:04"}
    cloud.on(GRAPH, says(graph_page(), headers=quota), says(graph_page()))
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    queries = GraphQueries(adapters.arm, cloud.settings.arm, sleep=sleep)
    for _ in range(3):
        _ = [page async for page in queries.rows("Resources", ["s"], "rows")]

    assert slept == [4.0]


async def test_a_throttled_query_without_retry_after_waits_as_the_quota_says(
    cloud: LocalCloud, adapters: Adapters, waits: list[float]
) -> None:
    quota = {"x-ms-user-quota-remaining": "0", "x-ms-user-quota-resets-after": "00:00:02"}
    cloud.on(GRAPH, says({}, status=429, headers=quota), says(graph_page()))

    await adapters.resource_graph.vaults(["s"])

    assert waits == [2.0]


async def test_a_listing_without_an_end_is_given_up(
    cloud: LocalCloud, adapters: Adapters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph_queries, "MOST_PAGES", 3)

    async def endless(_: web.Request) -> web.StreamResponse:
        return web.json_response(graph_page(**{"$skipToken": f"t{len(cloud.seen)}"}))

    cloud.on(GRAPH, endless)

    with pytest.raises(UnexpectedAnswerError, match="does not end"):
        await adapters.resource_graph.vaults(["s"])
    assert len(cloud.seen) == 4


async def test_2500_vaults_in_1200_subscriptions_take_a_query_for_each_page(
    cloud: LocalCloud, adapters: Adapters
) -> None:
    sent: list[int] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        body = await request.json()
        sent.append(len(body["subscriptions"]))
        start = int(body["options"].get("$skipToken", 0))
        if sent[-1] < 1000:
            return web.json_response(graph_page())
        rows = [managed_row(n) for n in range(start, min(start + 1000, 2500))]
        more = {"$skipToken": str(start + 1000)} if start + 1000 < 2500 else {}
        return web.json_response(graph_page(*rows, totalRecords=2500, **more))

    cloud.on(GRAPH, answer)

    found = await adapters.resource_graph.vaults([f"s{n}" for n in range(1200)])

    assert len({vault.resource_id for vault in found}) == 2500
    assert sent == [1000, 1000, 1000, 200]


async def test_settings_that_cannot_be_understood_hide_no_vault(
    cloud: LocalCloud, adapters: Adapters
) -> None:
    odd = managed_row(1, softDeleteRetentionInDays="ninety")
    cloud.on(GRAPH, says(graph_page(odd, managed_row(2))))

    first, second = await adapters.resource_graph.vaults(["sub-1"])

    assert first.configuration is None
    assert "softDeleteRetentionInDays" in (first.configuration_reason or "")
    assert second.configuration is not None
    assert second.configuration_reason is None


async def test_what_azure_leaves_out_stays_unknown(cloud: LocalCloud, adapters: Adapters) -> None:
    cloud.on(GRAPH, says(graph_page(managed_row(1))))

    [vault] = await adapters.resource_graph.vaults(["sub-1"])

    settings = vault.configuration
    assert settings is not None
    unknown = (settings.soft_delete, settings.purge_protection, settings.network)
    assert unknown == (None, None, None)
    assert (settings.policies, settings.private_endpoints) == (None, None)


async def test_a_subscription_that_denies_is_its_own_failure(
    cloud: LocalCloud, adapters: Adapters
) -> None:
    cloud.on(GRAPH, says({}, status=503))
    cloud.on(vaults_of("sub-1"), listing(managed_row(1)))
    cloud.on(vaults_of("sub-2"), DENIED)
    gone = {"error": {"code": "SubscriptionNotFound"}}
    cloud.on(vaults_of("sub-3"), says(gone, status=404))

    with pytest.raises(PartlyListedError) as partly:
        await FallbackEstate(adapters.resource_graph, adapters.management).vaults(
            ["sub-1", "sub-2", "sub-3"]
        )

    assert [vault.name for vault in partly.value.vaults] == ["KV-1"]
    assert set(partly.value.failures) == {"sub-2", "sub-3"}
    assert isinstance(partly.value.failures["sub-2"], AccessDeniedError)


async def test_a_service_that_is_down_is_not_asked_for_every_subscription(
    cloud: LocalCloud, adapters: Adapters
) -> None:
    names = [f"sub-{n}" for n in range(60)]
    for name in names:
        cloud.on(vaults_of(name), says({}, status=503))

    with pytest.raises(UnavailableError):
        await adapters.management.vaults(names)

    assert len({seen.path for seen in cloud.seen}) < 20


async def test_grants_above_a_subscription_count_for_those_below_their_group_only(
    cloud: LocalCloud, adapters: Adapters
) -> None:
    group = "/providers/Microsoft.Management/managementGroups/MG-1"
    asked: list[dict[str, Any]] = []
    scopes = ["/", group, "/subscriptions/s1", "/subscriptions/s2/resourceGroups/RG"]
    rows = {
        "assignments": [assignment(scope, f"a{n}") for n, scope in enumerate(scopes)],
        "definitions": [definition()],
        "containers": [container("s1", "mg-1", "root"), container("s2", "root")],
    }
    cloud.on(GRAPH, graph(asked, **rows))

    listed = await grants(cloud, adapters).grants(["s1", "s2"])

    found = {name: {a.scope for a in all_} for name, all_ in listed.assignments.items()}
    assert found == {
        "s1": {"/", group.lower(), "/subscriptions/s1"},
        "s2": {"/", "/subscriptions/s2/resourcegroups/rg"},
    }
    assert [role.reads_values for role in listed.roles] == [True]
    scope_filters = {body["options"]["authorizationScopeFilter"] for body in asked}
    assert scope_filters == {"AtScopeAboveAndBelow"}


async def test_grants_that_resource_graph_may_have_kept_back_are_asked_of_the_subscription(
    cloud: LocalCloud, adapters: Adapters
) -> None:
    own = "/subscriptions/s1"
    rows = {
        "assignments": [assignment(f"{own}/resourceGroups/rg")],
        "containers": [container("s1"), container("s2")],
    }
    cloud.on(GRAPH, graph([], **rows))
    cloud.on(authorization("s1", "roleAssignments"), listing(assignment(own), assignment("/", "b")))
    cloud.on(authorization("s1", "roleDefinitions"), listing(definition()))
    cloud.on(authorization("s2", "roleAssignments"), DENIED)

    listed = await grants(cloud, adapters).grants(["s1", "s2"])

    assert {a.scope for a in listed.assignments["s1"]} == {own, "/"}
    assert set(listed.failures) == {"s2"}
    assert isinstance(listed.failures["s2"], AccessDeniedError)


@pytest.mark.parametrize("status", [403, 429, 500])
async def test_grants_come_from_the_management_api_where_resource_graph_does_not_answer(
    cloud: LocalCloud, adapters: Adapters, status: int
) -> None:
    cloud.on(GRAPH, says({}, status=status))
    for name in ("s1", "s2"):
        own = assignment(f"/subscriptions/{name}")
        cloud.on(authorization(name, "roleAssignments"), listing(own))
        cloud.on(authorization(name, "roleDefinitions"), listing(definition()))

    listed = await grants(cloud, adapters).grants(["s1", "s2"])

    assert set(listed.assignments) == {"s1", "s2"}
    defined = [s for s in cloud.seen if s.path.endswith("roleDefinitions")]
    assert len(defined) == 1, "a role that is known is not asked for again"


async def test_without_its_roles_a_subscription_is_not_listed(
    cloud: LocalCloud, adapters: Adapters
) -> None:
    cloud.on(GRAPH, says({}, status=403))
    cloud.on(authorization("s1", "roleAssignments"), listing(assignment("/subscriptions/s1")))
    cloud.on(authorization("s1", "roleDefinitions"), DENIED)

    listed = await grants(cloud, adapters).grants(["s1"])

    assert (dict(listed.assignments), set(listed.failures)) == ({}, {"s1"})


async def test_1200_subscriptions_take_two_queries_for_each_table(
    cloud: LocalCloud, adapters: Adapters
) -> None:
    names = [f"s{n}" for n in range(1200)]
    asked: list[dict[str, Any]] = []
    rows = {"assignments": [assignment("/")], "containers": [container(name) for name in names]}
    cloud.on(GRAPH, graph(asked, **rows))

    listed = await grants(cloud, adapters).grants(names)

    assert len(asked) == 6
    assert set(listed.assignments) == set(names)


SETTINGS = "/providers/Microsoft.Insights/diagnosticSettings"


async def test_a_diagnostic_setting_is_read_with_its_sinks_and_rules(
    cloud: LocalCloud, adapters: Adapters
) -> None:
    vault = cloud.vault()
    logs = [
        {
            "category": "AuditEvent",
            "enabled": True,
            "retentionPolicy": {"enabled": True, "days": 9},
        },
        {"category": None, "categoryGroup": "audit", "enabled": False},
    ]
    properties = {"workspaceId": "/W", "logs": logs, "metrics": None}
    cloud.on(vault.resource_id + SETTINGS, listing({"name": "d", "properties": properties}))

    reader = ManagementDiagnostics(adapters.arm, cloud.settings.arm)
    [setting] = await reader.settings(vault)

    assert (setting.name, setting.workspace_id, setting.storage_account_id) == ("d", "/w", None)
    assert setting.logs == (
        LogRule(name="AuditEvent", enabled=True, retention_days=9),
        LogRule(name="audit", group=True),
    )
    assert setting.metrics == ()


async def test_a_group_may_be_named_in_any_script(cloud: LocalCloud, adapters: Adapters) -> None:
    vault = replace(cloud.vault(), resource_id=cloud.vault().resource_id.replace("/g/", "/ü_(1)/"))
    cloud.on(vault.resource_id + SETTINGS, listing({"name": "d", "properties": {}}))

    [setting] = await ManagementDiagnostics(adapters.arm, cloud.settings.arm).settings(vault)

    assert setting.name == "d"


async def test_a_rule_without_a_name_is_not_taken_for_none(
    cloud: LocalCloud, adapters: Adapters
) -> None:
    vault = cloud.vault()
    row = {"name": "d", "properties": {"logs": [{"enabled": True}]}}
    cloud.on(vault.resource_id + SETTINGS, listing(row))

    with pytest.raises(UnexpectedAnswerError):
        await ManagementDiagnostics(adapters.arm, cloud.settings.arm).settings(vault)
