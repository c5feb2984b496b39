"""Settings, grants and diagnostic settings, as Azure's own clients and its documents read them."""

import pytest
from azure.mgmt.keyvault.aio import KeyVaultManagementClient

from tests.support.sandbox import Document, Way

AUTHORIZATION = "providers/Microsoft.Authorization"
INSIGHTS = "providers/Microsoft.Insights/diagnosticSettings?api-version=2021-05-01-preview"


@pytest.fixture
def truth(way: Way) -> Document:
    return way.sandbox.at_first


async def test_the_typed_client_reads_every_setting(way: Way, truth: Document) -> None:
    subscription = truth["subscriptions"][0]["subscriptionId"]
    async with (
        way.identity() as identity,
        KeyVaultManagementClient(
            identity,
            subscription,
            base_url=way.ready["arm"],
            credential_scopes=[way.scope("arm")],
            transport=way.transport(),
        ) as client,
    ):
        found = [vault async for vault in client.vaults.list_by_subscription()]

    true = {vault["name"]: vault["properties"] for vault in truth["vaults"]}
    kinds = set()
    for vault in found:
        shown, settings = vault.properties, true[vault.name or ""]
        assert shown.soft_delete_retention_in_days == settings.get("softDeleteRetentionInDays")
        assert shown.enable_purge_protection == settings.get("enablePurgeProtection")
        assert shown.public_network_access == settings.get("publicNetworkAccess")
        assert shown.enabled_for_deployment == settings["enabledForDeployment"]
        network, endpoints = shown.network_acls, shown.private_endpoint_connections
        assert (network is None) == ("networkAcls" not in settings)
        kinds.add((network is None, bool(endpoints), bool(shown.access_policies)))
        for endpoint, written in zip(
            endpoints or [], settings.get("privateEndpointConnections", []), strict=True
        ):
            assert endpoint.properties is not None
            state = endpoint.properties.private_link_service_connection_state
            true_state = written["properties"]["privateLinkServiceConnectionState"]
            assert state is not None
            assert state.status == true_state["status"]
    assert len(kinds) >= 4, "the demonstration estate varies"


async def test_a_vaults_diagnostic_settings_are_listed_in_the_documented_form(
    way: Way, truth: Document
) -> None:
    vault = next(v for v in truth["vaults"] if v["diagnosticSettings"])

    status, body, _ = await way.get(
        f"{way.ready['arm']}{vault['id']}/{INSIGHTS}", await way.token("arm")
    )

    assert status == 200
    [first, *_] = body["value"]
    assert first["type"] == "Microsoft.Insights/diagnosticSettings"
    assert {"workspaceId", "storageAccountId", "logs", "metrics"} <= first["properties"].keys()
    assert all({"category", "enabled"} <= rule.keys() for rule in first["properties"]["logs"])


async def test_diagnostic_settings_of_no_vault_are_not_found(way: Way, truth: Document) -> None:
    missing = truth["vaults"][0]["id"] + "x"

    status, body, _ = await way.get(
        f"{way.ready['arm']}{missing}/{INSIGHTS}", await way.token("arm")
    )

    assert (status, body["error"]["code"]) == (404, "ResourceNotFound")


async def test_a_subscription_lists_inherited_assignments_and_its_own_roles(
    way: Way, truth: Document
) -> None:
    subscription = truth["subscriptions"][0]["subscriptionId"]
    base = f"{way.ready['arm']}/subscriptions/{subscription}/{AUTHORIZATION}"
    token, found = await way.token("arm"), []
    link: str | None = f"{base}/roleAssignments?api-version=2022-04-01"
    while link:
        _, page, _ = await way.get(link, token)
        found += page["value"]
        link = page.get("nextLink")
    _, defined, _ = await way.get(f"{base}/roleDefinitions?api-version=2022-04-01", token)

    scopes = {each["properties"]["scope"] for each in found}
    groups = truth["management_groups"][subscription]
    assert {"/", *groups, f"/subscriptions/{subscription}"} <= scopes
    others = [s["subscriptionId"] for s in truth["subscriptions"][1:]]
    assert not [scope for scope in scopes if any(other in scope for other in others)]
    custom = [r for r in defined["value"] if r["properties"]["type"] == "CustomRole"]
    assert any(
        permission["notDataActions"]
        for role in custom
        for permission in role["properties"]["permissions"]
    )
