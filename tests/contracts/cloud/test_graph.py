"""Applications and their credentials in Microsoft Graph."""

from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpcore
import httpx
import pytest
from kiota_authentication_azure.azure_identity_authentication_provider import (
    AzureIdentityAuthenticationProvider,
)
from msgraph.graph_request_adapter import GraphRequestAdapter
from msgraph.graph_service_client import GraphServiceClient
from msgraph_core import GraphClientFactory

from tests.support.sandbox import Way
from tests.support.sandbox_graph import Loopback

APPLICATIONS = "/v1.0/applications"


async def applications(way: Way, query: str, token: str) -> tuple[list[dict[str, Any]], list[int]]:
    found: list[dict[str, Any]] = []
    sizes: list[int] = []
    following = f"{way.ready['graph']}{APPLICATIONS}{query}"
    while following:
        status, body, _ = await way.get(following, token)
        assert status == 200, body
        found += body["value"]
        sizes.append(len(body["value"]))
        following = body.get("@odata.nextLink", "")
    return found, sizes


async def test_all_applications_are_listed_without_any_secret_text(way: Way) -> None:
    found, _ = await applications(way, "", await way.token("graph"))

    assert found == way.sandbox.at_first["applications"]
    assert len(found) == 40
    passwords = [p for each in found for p in each["passwordCredentials"]]
    assert passwords
    assert all(password["secretText"] is None for password in passwords)


async def test_pages_are_as_large_as_asked_for(way: Way) -> None:
    found, sizes = await applications(
        way, "?$top=15&$select=id,displayName", await way.token("graph")
    )

    assert sizes == [15, 15, 10]
    assert {frozenset(each) for each in found} == {frozenset({"id", "displayName"})}


async def test_a_page_above_the_limit_is_refused(way: Way) -> None:
    url = f"{way.ready['graph']}{APPLICATIONS}"
    token = await way.token("graph")

    for size in ("1000", "0", "all"):
        status, body, _ = await way.get(f"{url}?$top={size}", token)
        assert (status, body["error"]["code"]) == (400, "Request_UnsupportedQuery")
    assert (await way.get(f"{url}?$top=999", token))[0] == 200


async def test_an_application_is_found_by_its_ids(way: Way) -> None:
    token = await way.token("graph")
    wanted = way.sandbox.at_first["applications"][7]
    graph = f"{way.ready['graph']}{APPLICATIONS}"
    text = quote(f"appId eq '{wanted['appId']}'")

    _, filtered, _ = await way.get(f"{graph}?$filter={text}", token)
    _, by_id, _ = await way.get(f"{graph}/{wanted['id']}", token)
    _, by_app_id, _ = await way.get(f"{graph}(appId='{wanted['appId']}')", token)

    assert filtered["value"] == [wanted]
    for found in (by_id, by_app_id):
        assert found.pop("@odata.context").endswith("#applications/$entity")
        assert found == wanted


async def test_owners_service_principals_and_organization_are_told(way: Way) -> None:
    token, graph = await way.token("graph"), f"{way.ready['graph']}/v1.0"
    owned = 0
    for each in way.sandbox.at_first["applications"][:10]:
        _, body, _ = await way.get(f"{graph}/applications/{each['id']}/owners", token)
        owned += len(body["value"])

    _, principals, _ = await way.get(f"{graph}/servicePrincipals?$top=999", token)
    _, organization, _ = await way.get(f"{graph}/organization", token)

    assert owned
    kinds = [each["servicePrincipalType"] for each in principals["value"]]
    assert (kinds.count("Application"), kinds.count("ManagedIdentity")) == (48, 3)
    assert organization["value"][0]["displayName"] == "Contoso"


async def test_without_the_permission_the_request_is_denied(way: Way) -> None:
    url = f"{way.ready['graph']}{APPLICATIONS}"

    status, body, _ = await way.get(url, await way.token("graph", "sync"))
    missing, empty, headers = await way.get(url)

    assert (status, body["error"]["code"]) == (403, "Authorization_RequestDenied")
    assert body["error"]["innerError"]["request-id"]
    assert (missing, empty["error"]["code"]) == (401, "InvalidAuthenticationToken")
    assert headers["request-id"]


async def test_what_does_not_exist_is_not_found(way: Way) -> None:
    url = f"{way.ready['graph']}{APPLICATIONS}/00000000-0000-4000-8000-000000000000"

    status, body, _ = await way.get(url, await way.token("graph"))

    assert (status, body["error"]["code"]) == (404, "Request_ResourceNotFound")


async def test_service_principals_are_told_as_they_are(way: Way) -> None:
    token, graph = await way.token("graph"), f"{way.ready['graph']}/v1.0/servicePrincipals"
    true = way.sandbox.at_first["service_principals"]
    foreign = next(each for each in true if each["displayName"].startswith("Fabrikam"))

    _, listed, _ = await way.get(f"{graph}?$top=999", token)
    _, one, _ = await way.get(f"{graph}(appId='{foreign['appId']}')", token)

    assert listed["value"] == true
    assert one.pop("@odata.context").endswith("#servicePrincipals/$entity")
    assert one == foreign
    assert foreign["appOwnerOrganizationId"] != way.sandbox.at_first["tenant"]["tenantId"]


async def test_a_signing_certificate_is_three_credentials_under_one_identifier(way: Way) -> None:
    signing = [
        each
        for each in way.sandbox.at_first["service_principals"]
        if each["preferredTokenSigningKeyThumbprint"]
    ]

    assert len(signing) == 3
    for each in signing:
        sign, verify = each["keyCredentials"]
        (password,) = each["passwordCredentials"]
        assert (sign["usage"], verify["usage"]) == ("Sign", "Verify")
        assert sign["keyId"] == password["keyId"] != verify["keyId"]
        assert len({one["customKeyIdentifier"] for one in (sign, verify, password)}) == 1


async def test_one_relation_can_be_expanded_in_pages_of_a_hundred(way: Way) -> None:
    token, url = await way.token("graph"), f"{way.ready['graph']}{APPLICATIONS}"
    relations = way.sandbox.at_first["relations"]

    _, owners, _ = await way.get(f"{url}?$top=999&$select=id&$expand=owners($select=id)", token)
    _, federated, _ = await way.get(f"{url}?$expand=federatedIdentityCredentials", token)
    both, _, _ = await way.get(f"{url}?$expand=owners,federatedIdentityCredentials", token)
    unknown, _, _ = await way.get(f"{url}?$expand=secrets", token)

    for each in owners["value"]:
        assert [owner["id"] for owner in each["owners"]] == [
            owner["id"] for owner in relations[each["id"]]["owners"]
        ]
        assert all(set(owner) <= {"@odata.type", "id"} for owner in each["owners"])
    assert any(each["federatedIdentityCredentials"] for each in federated["value"])
    for each in federated["value"]:
        true = relations[each["id"]]["federatedIdentityCredentials"]
        assert each["federatedIdentityCredentials"] == true
        _, own, _ = await way.get(f"{url}/{each['id']}/federatedIdentityCredentials", token)
        assert own["value"] == true
    assert (both, unknown) == (400, 400)


async def test_counting_is_an_advanced_query_and_goes_with_no_expansion(way: Way) -> None:
    token, url = await way.token("graph"), f"{way.ready['graph']}{APPLICATIONS}"
    eventual = {"ConsistencyLevel": "eventual"}
    empty = quote("owners/$count eq 0")

    _, first, _ = await way.get(f"{url}?$count=true&$top=30", token, **eventual)
    _, second, _ = await way.get(first["@odata.nextLink"], token, **eventual)
    _, plain, _ = await way.get(f"{url}?$count=true", token)
    refused, _, _ = await way.get(f"{url}?$filter={empty}", token)
    _, unowned, _ = await way.get(f"{url}?$count=true&$filter={empty}", token, **eventual)
    expanded, _, _ = await way.get(f"{url}?$expand=owners", token, **eventual)
    count, _, _ = await way.get(f"{url}/$count", token)
    _, counted, _ = await way.get(f"{url}/$count", token, **eventual)

    assert (first["@odata.count"], "@odata.count" in second, "@odata.count" in plain) == (
        40,
        False,
        False,
    )
    relations = way.sandbox.at_first["relations"]
    assert unowned["value"]
    assert not any(relations[each["id"]]["owners"] for each in unowned["value"])
    assert (refused, expanded, count, counted) == (400, 400, 400, 40)


async def test_beyond_its_quota_a_reader_is_told_when_to_come_back(way: Way) -> None:
    token, url = await way.token("graph"), f"{way.ready['graph']}{APPLICATIONS}"
    way.sandbox.control.set_graph_quota(units=2)
    try:
        once, _, _ = await way.get(url, token)
        refused, body, headers = await way.get(url, token)
    finally:
        way.sandbox.control.set_graph_quota()

    assert (once, refused, body["error"]["code"]) == (200, 429, "TooManyRequests")
    assert int(headers["retry-after"]) >= 1
    assert (await way.get(url, token))[0] == 200


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_the_graph_sdk_reads_the_same_applications(way: Way) -> None:
    transport = httpx.AsyncHTTPTransport(verify=way.tls)
    pool = httpcore.AsyncConnectionPool(ssl_context=way.tls, network_backend=Loopback())
    transport._pool = pool
    async with (
        pool,
        httpx.AsyncClient(transport=transport, trust_env=False) as client,
        way.identity() as identity,
    ):
        host = way.ready["graph"].removeprefix("https://").partition(":")[0]
        provider = AzureIdentityAuthenticationProvider(
            identity, scopes=[way.scope("graph")], allowed_hosts=[host]
        )
        factory = GraphClientFactory.create_with_default_middleware(client=client)
        adapter = GraphRequestAdapter(provider, factory)
        adapter.base_url = f"{way.ready['graph']}/v1.0"
        page = await GraphServiceClient(request_adapter=adapter).applications.get()

    assert page is not None
    true = {each["appId"]: each for each in way.sandbox.at_first["applications"]}
    for application in page.value or []:
        expected = true.pop(application.app_id or "")
        ends = [p.end_date_time for p in application.password_credentials or []]
        assert ends == [
            datetime.fromisoformat(p["endDateTime"]) for p in expected["passwordCredentials"]
        ]
    assert not true


def groups_of(way: Way, object_id: str) -> str:
    relation = "transitiveMemberOf/microsoft.graph.group?$select=id&$count=true"
    return f"{way.ready['graph']}/v1.0/servicePrincipals/{object_id}/{relation}"


async def test_a_principals_groups_are_told_by_an_advanced_query_only(way: Way) -> None:
    own = way.ready["identities"]["discover"]["object_id"]
    token, group = await way.token("graph"), "00000000-0000-4000-8000-000000000001"
    advanced = {"ConsistencyLevel": "eventual"}

    with way.sandbox.control.member_of("discover", group):
        status, body, _ = await way.get(groups_of(way, own), token, **advanced)
        plain = await way.get(groups_of(way, own), token)
        uncounted = groups_of(way, own).replace("&$count=true", "")
        without = await way.get(uncounted, token, **advanced)
    _, left, _ = await way.get(groups_of(way, own), token, **advanced)

    assert (status, body["value"], body["@odata.count"]) == (200, [{"id": group}], 1)
    assert left["value"] == []
    for status, refused, _ in (plain, without):
        assert (status, refused["error"]["code"]) == (400, "Request_UnsupportedQuery")


async def test_the_groups_of_nobody_and_those_of_the_unpermitted_are_not_told(way: Way) -> None:
    advanced = {"ConsistencyLevel": "eventual"}
    nobody = groups_of(way, "00000000-0000-4000-8000-00000000dead")
    own = groups_of(way, way.ready["identities"]["sync"]["object_id"])

    status, body, _ = await way.get(nobody, await way.token("graph"), **advanced)
    refused, why, _ = await way.get(own, await way.token("graph", "sync"), **advanced)

    assert (status, body["error"]["code"]) == (404, "Request_ResourceNotFound")
    assert (refused, why["error"]["code"]) == (403, "Authorization_RequestDenied")
