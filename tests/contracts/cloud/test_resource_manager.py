"""Subscriptions, vaults and roles, as azure-mgmt-* reads them."""

from collections.abc import AsyncIterator

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.keyvault.aio import KeyVaultManagementClient
from azure.mgmt.resource.subscriptions.aio import SubscriptionClient

from tests.support.sandbox import Document, Way

ROLES = "providers/Microsoft.Authorization"


@pytest.fixture
def truth(way: Way) -> Document:
    return way.sandbox.at_first


@pytest.fixture
async def management(way: Way, truth: Document) -> AsyncIterator[KeyVaultManagementClient]:
    async with (
        way.identity() as identity,
        KeyVaultManagementClient(
            identity,
            truth["subscriptions"][0]["subscriptionId"],
            base_url=way.ready["arm"],
            credential_scopes=[way.scope("arm")],
            transport=way.transport(),
        ) as client,
    ):
        yield client


async def test_subscriptions_and_tenant_are_those_of_the_estate(way: Way, truth: Document) -> None:
    async with (
        way.identity() as identity,
        SubscriptionClient(
            identity,
            base_url=way.ready["arm"],
            credential_scopes=[way.scope("arm")],
            transport=way.transport(),
        ) as client,
    ):
        found = [each async for each in client.subscriptions.list()]
        one = await client.subscriptions.get(truth["subscriptions"][1]["subscriptionId"])
        tenants = [each async for each in client.tenants.list()]

    assert {each.subscription_id: each.display_name for each in found} == {
        each["subscriptionId"]: each["displayName"] for each in truth["subscriptions"]
    }
    assert one.state == "Enabled"
    assert [tenant.tenant_id for tenant in tenants] == [way.ready["tenant_id"]]


async def test_vaults_are_listed_page_by_page(
    management: KeyVaultManagementClient, truth: Document
) -> None:
    pages = [
        [vault async for vault in page]
        async for page in management.vaults.list_by_subscription(top=10).by_page()
    ]

    own = management._config.subscription_id
    true = {v["id"]: v for v in truth["vaults"] if v["subscriptionId"] == own}
    assert [len(page) for page in pages[:-1]] == [10] * (len(pages) - 1)
    read = {vault.id: vault for page in pages for vault in page}
    assert read.keys() == true.keys()
    for vault_id, vault in read.items():
        assert vault.properties.vault_uri == true[vault_id]["properties"]["vaultUri"]
        assert vault.location == true[vault_id]["location"]


async def test_one_vault_shows_its_policies_and_its_network(
    management: KeyVaultManagementClient, way: Way, truth: Document
) -> None:
    own = [v for v in truth["vaults"] if v["subscriptionId"] == management._config.subscription_id]
    by_policy = next(v for v in own if not v["properties"]["enableRbacAuthorization"])
    closed = next(v for v in own if v["firewall"] != "open")

    policies = await management.vaults.get(by_policy["id"].split("/")[4], by_policy["name"])
    network = await management.vaults.get(closed["id"].split("/")[4], closed["name"])

    discover = way.ready["identities"]["discover"]["object_id"]
    granted = {p.object_id: p.permissions for p in policies.properties.access_policies or []}
    assert granted[discover].secrets == ["list"]
    assert network.properties.network_acls is not None
    assert network.properties.network_acls.default_action == "Deny"


async def test_the_resource_list_names_every_vault(
    management: KeyVaultManagementClient, truth: Document
) -> None:
    found = [resource.id async for resource in management.vaults.list()]

    own = management._config.subscription_id
    assert sorted(filter(None, found)) == sorted(
        v["id"] for v in truth["vaults"] if v["subscriptionId"] == own
    )


async def test_what_does_not_exist_is_not_found_by_name(
    management: KeyVaultManagementClient, truth: Document
) -> None:
    group = truth["vaults"][0]["id"].split("/")[4]

    with pytest.raises(ResourceNotFoundError, match="was not found"):
        await management.vaults.get(group, "no-such-vault")
    with pytest.raises(ResourceNotFoundError, match="could not be found"):
        _ = [v async for v in management.vaults.list_by_resource_group("no-such-group")]


async def test_an_unknown_subscription_is_not_found(way: Way) -> None:
    url = f"{way.ready['arm']}/subscriptions/00000000-0000-4000-8000-000000000000"

    status, body, _ = await way.get(f"{url}?api-version=2022-12-01", await way.token("arm"))

    assert (status, body["error"]["code"]) == (404, "SubscriptionNotFound")


async def test_without_a_token_the_answer_names_the_authority(way: Way) -> None:
    status, body, headers = await way.get(f"{way.ready['arm']}/tenants?api-version=2022-12-01")

    assert (status, body["error"]["code"]) == (401, "AuthenticationFailed")
    assert way.ready["tenant_id"] in headers["WWW-Authenticate"]


async def test_an_api_version_is_required(way: Way) -> None:
    token = await way.token("arm")

    _, missing, _ = await way.get(f"{way.ready['arm']}/tenants", token)
    _, invalid, _ = await way.get(f"{way.ready['arm']}/tenants?api-version=new", token)

    assert missing["error"]["code"] == "MissingApiVersionParameter"
    assert invalid["error"]["code"] == "InvalidApiVersionParameter"


async def test_answers_carry_the_tracing_and_quota_headers(way: Way) -> None:
    _, _, headers = await way.get(
        f"{way.ready['arm']}/tenants?api-version=2022-12-01", await way.token("arm")
    )

    for name in ("x-ms-request-id", "x-ms-correlation-request-id", "x-ms-routing-request-id"):
        assert headers[name]
    assert int(headers["x-ms-ratelimit-remaining-subscription-reads"]) > 0


async def test_the_roles_of_an_identity_are_those_it_is_judged_by(way: Way) -> None:
    vault = way.sandbox.vault(lambda v: v["readableBy"]["rotate"]["secrets"])
    token, rotate = await way.token("arm"), way.ready["identities"]["rotate"]["object_id"]
    scope = f"{way.ready['arm']}{vault['id']}/{ROLES}"
    version = "api-version=2022-04-01"

    _, assigned, _ = await way.get(
        f"{scope}/roleAssignments?{version}&$filter=assignedTo('{rotate}')", token
    )
    _, defined, _ = await way.get(f"{scope}/roleDefinitions?{version}", token)

    names = {role["id"].lower(): role["properties"]["roleName"] for role in defined["value"]}
    found = {
        names["/" + each["properties"]["roleDefinitionId"].lower().split("/", 3)[3]]
        for each in assigned["value"]
    }
    assert found == {
        "Reader",
        "Key Vault Secrets Officer",
        "Key Vault Certificates Officer",
        "Key Vault Crypto Officer",
    }


async def test_writing_is_not_what_the_sandbox_does_here(
    management: KeyVaultManagementClient,
) -> None:
    with pytest.raises(HttpResponseError, match="does not support http method"):
        await management.vaults.delete("group", "vault")
