"""Queries to Resource Graph, as azure-mgmt-resourcegraph sends them."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.resourcegraph.aio import ResourceGraphClient
from azure.mgmt.resourcegraph.models import QueryRequest, QueryRequestOptions

from tests.support.sandbox import Sandbox, way_to

VAULTS = "Resources | where type =~ 'microsoft.keyvault/vaults'"


@pytest.fixture
async def graph(
    random_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[ResourceGraphClient]:
    """Ask the small estate: its quota is not shared with the tests of other services."""
    monkeypatch.setenv("IDENTITY_ENDPOINT", random_sandbox.ready["identity_endpoint"])
    monkeypatch.setenv("IDENTITY_HEADER", random_sandbox.ready["identity_header"])
    async with (
        way_to(random_sandbox) as way,
        way.identity() as identity,
        ResourceGraphClient(
            identity,
            base_url=way.ready["arm"],
            credential_scopes=[way.scope("arm")],
            transport=way.transport(),
        ) as client,
    ):
        yield client


async def ask(graph: ResourceGraphClient, query: str, **options: Any) -> Any:
    request = QueryRequest(query=query, options=QueryRequestOptions(**options))
    return await graph.resources(request)


async def test_one_query_finds_every_vault_with_its_address(
    graph: ResourceGraphClient, random_sandbox: Sandbox
) -> None:
    answer = await ask(
        graph,
        f"{VAULTS} | project id, name, uri = tostring(properties.vaultUri),"
        " rbac = properties.enableRbacAuthorization, tags, location | order by name asc",
    )

    true = {v["name"]: v for v in random_sandbox.at_first["vaults"]}
    assert [row["name"] for row in answer.data] == sorted(true)
    assert answer.total_records == answer.count == len(true)
    for row in answer.data:
        assert row["uri"] == true[row["name"]]["properties"]["vaultUri"]
        assert row["rbac"] == true[row["name"]]["properties"]["enableRbacAuthorization"]
        assert (row["tags"] or {}) == true[row["name"]]["tags"]


async def test_pages_follow_one_another_by_the_skip_token(graph: ResourceGraphClient) -> None:
    names: list[str] = []
    token = None
    while True:
        answer = await ask(graph, f"{VAULTS} | project id, name", top=5, skip_token=token)
        names += [row["name"] for row in answer.data]
        token = answer.skip_token
        if not token:
            break

    assert len(set(names)) == len(names) == answer.total_records


async def test_without_the_id_there_is_no_way_to_the_next_page(graph: ResourceGraphClient) -> None:
    answer = await ask(graph, f"{VAULTS} | project name", top=5)

    assert answer.skip_token is None
    assert answer.result_truncated == "true"


async def test_subscriptions_narrow_the_answer(
    graph: ResourceGraphClient, random_sandbox: Sandbox
) -> None:
    truth = random_sandbox.at_first
    chosen = truth["vaults"][0]["subscriptionId"]

    by_body = await graph.resources(QueryRequest(query=VAULTS, subscriptions=[chosen]))
    by_filter = await ask(graph, f"{VAULTS} and subscriptionId in~ ('{chosen.upper()}')")

    expected = {v["id"] for v in truth["vaults"] if v["subscriptionId"] == chosen}
    assert {row["id"] for row in by_body.data} == expected  # type: ignore[index]
    assert {row["id"] for row in by_filter.data} == expected


async def test_subscriptions_are_containers(
    graph: ResourceGraphClient, random_sandbox: Sandbox
) -> None:
    answer = await ask(
        graph, "resourcecontainers | where type == 'microsoft.resources/subscriptions'"
    )

    true = random_sandbox.at_first["subscriptions"]
    assert {row["name"] for row in answer.data} == {each["displayName"] for each in true}
    for row in answer.data:
        chain = row["properties"]["managementGroupAncestorsChain"]
        groups = random_sandbox.at_first["management_groups"][row["subscriptionId"]]
        assert [group["name"] for group in chain] == [scope.split("/")[-1] for scope in groups]


async def test_role_assignments_are_those_at_the_subscriptions_and_below(
    graph: ResourceGraphClient, random_sandbox: Sandbox
) -> None:
    kind = "'microsoft.authorization/roleassignments'"
    answer = await ask(graph, f"authorizationresources | where type =~ {kind}", top=1000)

    found = {row["id"] for row in answer.data}
    true = {each["id"]: each["properties"] for each in random_sandbox.at_first["role_assignments"]}
    assert found == {name for name, each in true.items() if "/subscriptions/" in each["scope"]}
    assert found < set(true), "others stand above"


async def test_a_subscription_that_nobody_granted_is_denied(graph: ResourceGraphClient) -> None:
    request = QueryRequest(query=VAULTS, subscriptions=["00000000-0000-4000-8000-000000000000"])

    with pytest.raises(HttpResponseError) as refused:
        await graph.resources(request)

    assert refused.value.status_code == 403
    assert "AccessDenied" in str(refused.value)


@pytest.mark.parametrize(
    "query", ["vaults", f"{VAULTS} | summarize count()", f"{VAULTS} | where name matches 'x'"]
)
async def test_a_query_beyond_the_sandbox_is_refused_with_a_sentence(
    graph: ResourceGraphClient, query: str
) -> None:
    with pytest.raises(HttpResponseError, match=r"sandbox|table") as refused:
        await ask(graph, query)

    assert refused.value.status_code == 400


async def test_more_queries_than_the_quota_are_told_how_long_to_wait(
    graph: ResourceGraphClient,
) -> None:
    async def ask_too_often() -> None:
        for _ in range(20):
            await graph.resources(QueryRequest(query=VAULTS), retry_total=0)

    with pytest.raises(HttpResponseError, match="RateLimiting") as refused:
        await ask_too_often()

    assert refused.value.status_code == 429
    assert refused.value.response is not None
    assert 1 <= int(refused.value.response.headers["Retry-After"]) <= 6
    assert refused.value.response.headers["x-ms-user-quota-remaining"] == "0"
