"""Finding the subscriptions, vaults and applications, also when the cloud is in a bad mood."""

from dataclasses import replace

import pytest
from aiohttp import web

from services.scanner.adapters.management import FallbackEstate
from services.scanner.domain.inventory import ItemKind, Subscription, VaultRef
from services.scanner.ports import PartlyListedError
from shared.clouds.errors import (
    AccessDeniedError,
    BlindnessError,
    ForeignHostError,
    IdentityUnavailableError,
    UnexpectedAnswerError,
)
from shared.errors import CertifyCloudsError
from tests.support.clouds import Adapters, LocalCloud, listing, says

GRAPH = "/providers/Microsoft.ResourceGraph/resources"
VAULTS = "/subscriptions/sub-1/providers/Microsoft.KeyVault/vaults"
APPLICATIONS = "/v1.0/applications"
PRINCIPALS = "/v1.0/servicePrincipals"
NOTHING = says({"value": []})
APPLICATION = {"id": "object-1", "appId": "app-1", "displayName": "Billing"}


def graph_row(number: int) -> dict[str, object]:
    row = managed_row(number)
    return {**row, "id": str(row["id"]).replace("/rg/", "/RG/")}


def managed_row(number: int, **settings: object) -> dict[str, object]:
    group = "/subscriptions/Sub-1/resourceGroups/rg"
    return {
        "id": f"{group}/providers/Microsoft.KeyVault/vaults/KV-{number}",
        "name": f"KV-{number}",
        "location": "westeurope",
        "tags": {"env": "prod"},
        "properties": {
            "vaultUri": f"https://kv-{number}.vault.azure.net/",
            "sku": {"family": "A", "name": "premium"},
            "enableRbacAuthorization": True,
            **settings,
        },
        "systemData": {"createdAt": "2024-02-03T04:05:06.789Z"},
    }


def graph_page(*rows: object, **more: object) -> dict[str, object]:
    return {"count": len(rows), "data": list(rows), "resultTruncated": "false", **more}


async def test_subscriptions_come_in_order_whatever_their_state(
    cloud: LocalCloud, adapters: Adapters
) -> None:
    rows = [
        {"subscriptionId": "b", "displayName": "B", "state": "Disabled"},
        {"subscriptionId": "a", "displayName": None, "state": "Enabled"},
    ]
    link = f"{cloud.settings.arm}/subscriptions?api-version=2022-12-01&$skiptoken=x"
    cloud.on("/subscriptions", listing(rows[0], link=link), listing(rows[1]))

    found = await adapters.resource_graph.subscriptions()

    assert found == [
        Subscription(id="a", name="", state="Enabled"),
        Subscription(id="b", name="B", state="Disabled"),
    ]
    assert await adapters.management.subscriptions() == [found[0]]


async def test_resource_graph_is_followed_to_its_last_page(
    cloud: LocalCloud, adapters: Adapters
) -> None:
    bodies: list[dict[str, object]] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        bodies.append(await request.json())
        more = {"$skipToken": "next"} if len(bodies) == 1 else {}
        return web.json_response(graph_page(graph_row(len(bodies)), **more))

    cloud.on(GRAPH, answer)
    vaults = await adapters.resource_graph.vaults(["sub-1"])

    assert [vault.name for vault in vaults] == ["KV-1", "KV-2"]
    assert [body["subscriptions"] for body in bodies] == [["sub-1"], ["sub-1"]]
    assert [dict(body["options"]).get("$skipToken") for body in bodies] == [None, "next"]
    assert "order by id" in str(bodies[0]["query"])


async def test_a_vault_is_the_same_vault_whichever_api_described_it(
    cloud: LocalCloud, adapters: Adapters
) -> None:
    cloud.on(GRAPH, says(graph_page(graph_row(1))))
    cloud.on(VAULTS, listing(managed_row(1)))

    (first,) = await adapters.resource_graph.vaults(["sub-1"])
    (second,) = await adapters.management.vaults(["sub-1"])

    assert first.resource_id == second.resource_id
    assert first.resource_id == first.resource_id.lower()
    assert replace(first, resource_group="rg") == second


async def test_no_subscription_means_no_vault_and_no_request(
    cloud: LocalCloud, adapters: Adapters
) -> None:
    assert await adapters.resource_graph.vaults([]) == []
    assert await adapters.management.vaults([]) == []
    assert cloud.seen == []


async def test_a_query_for_many_subscriptions_is_split(
    cloud: LocalCloud, adapters: Adapters
) -> None:
    cloud.on(GRAPH, says(graph_page()))

    await adapters.resource_graph.vaults([f"sub-{n}" for n in range(1001)])

    assert len(cloud.seen) == 2


@pytest.mark.parametrize(
    "answer",
    [
        {**graph_page(), "resultTruncated": "true"},
        graph_page(**{"$skipToken": 7}),
        graph_page(**{"$skipToken": "same"}),
        {"data": {"columns": [], "rows": []}},
        graph_page(managed_row(1, vaultUri=None)),
        graph_page({**graph_row(1), "id": "/subscriptions/x"}),
        graph_page(managed_row(1, enableRbacAuthorization="yes")),
        {**graph_page(graph_row(1)), "totalRecords": 2},
    ],
)
async def test_an_answer_that_may_be_incomplete_is_not_taken(
    cloud: LocalCloud, adapters: Adapters, answer: dict[str, object]
) -> None:
    cloud.on(GRAPH, says(answer))

    with pytest.raises(UnexpectedAnswerError):
        await adapters.resource_graph.vaults(["sub-1"])


async def test_a_throttled_query_is_repeated_though_it_is_a_post(
    cloud: LocalCloud, adapters: Adapters, waits: list[float]
) -> None:
    cloud.on(
        GRAPH, says({}, status=429, headers={"Retry-After": "3"}), says(graph_page(graph_row(1)))
    )

    assert len(await adapters.resource_graph.vaults(["sub-1"])) == 1
    assert waits == [3.0]


@pytest.mark.parametrize("status", [400, 403, 404, 429, 500, 503])
async def test_the_management_api_answers_where_resource_graph_refuses(
    cloud: LocalCloud, adapters: Adapters, status: int
) -> None:
    cloud.on(GRAPH, says({"error": {"code": "Refused"}}, status=status))
    cloud.on(VAULTS, listing(managed_row(1)))
    cloud.on("/subscriptions", listing())
    estate = FallbackEstate(adapters.resource_graph, adapters.management)

    assert [vault.name for vault in await estate.vaults(["sub-1"])] == ["KV-1"]
    assert await estate.subscriptions() == []


class Failing:
    """An estate that fails in the way it is told to."""

    def __init__(self, error: CertifyCloudsError) -> None:
        self.error = error

    async def subscriptions(self) -> list[Subscription]:
        raise self.error

    async def vaults(self, subscription_ids: object) -> list[VaultRef]:
        del subscription_ids
        raise self.error


@pytest.mark.parametrize("kind", [IdentityUnavailableError, BlindnessError, ForeignHostError])
async def test_neither_a_missing_token_nor_a_guard_is_worked_around(
    cloud: LocalCloud, adapters: Adapters, kind: type[CertifyCloudsError]
) -> None:
    estate = FallbackEstate(Failing(kind("sentence")), adapters.management)

    with pytest.raises(kind):
        await estate.vaults(["sub-1"])

    assert cloud.seen == []


async def test_a_denial_of_both_is_the_answer(cloud: LocalCloud, adapters: Adapters) -> None:
    denied = says({"error": {"code": "AuthorizationFailed"}}, status=403)
    cloud.on(GRAPH, denied)
    cloud.on(VAULTS, denied)

    with pytest.raises(PartlyListedError) as partly:
        await FallbackEstate(adapters.resource_graph, adapters.management).vaults(["sub-1"])

    assert partly.value.vaults == []
    with pytest.raises(AccessDeniedError, match="subscription sub-1"):
        raise partly.value.failures["sub-1"]


async def test_an_applications_credentials_come_without_the_hint(
    cloud: LocalCloud, adapters: Adapters
) -> None:
    secret = {
        "keyId": "key-1",
        "displayName": "ci",
        "hint": "hint-canary",
        "secretText": None,
        "customKeyIdentifier": None,
        "startDateTime": "2026-01-01T00:00:00Z",
        "endDateTime": "2027-01-01T00:00:00Z",
    }
    certificate = {
        "keyId": "key-2",
        "displayName": None,
        "type": "AsymmetricX509Cert",
        "usage": "Verify",
        "key": None,
        "customKeyIdentifier": "AQID",
        "startDateTime": "2026-01-01T00:00:00Z",
        "endDateTime": None,
    }
    rows = [
        {**APPLICATION, "passwordCredentials": [secret], "keyCredentials": [certificate]},
        {**APPLICATION, "id": "object-2", "passwordCredentials": [], "keyCredentials": []},
    ]
    cloud.on(APPLICATIONS, NOTHING, NOTHING, says({"value": rows}))
    cloud.on(PRINCIPALS, NOTHING)

    page = [item async for page in adapters.directory.listing() for item in page]

    assert [item.external_id for item in page] == ["object-1/key-1", "object-1/key-2"]
    assert [item.kind for item in page] == [ItemKind.APP_SECRET, ItemKind.APP_CERTIFICATE]
    assert [item.name for item in page] == ["ci", "Billing"]
    assert [item.thumbprint for item in page] == [None, "010203"]
    assert page[1].expires_on is None
    assert "hint-canary" not in repr(page)
    assert all("select=id" in request.query for request in cloud.seen)


async def test_a_malformed_credential_is_an_error_without_the_hint(
    cloud: LocalCloud, adapters: Adapters
) -> None:
    secret = {"keyId": None, "displayName": "ci", "hint": "hint-canary"}
    rows = [{**APPLICATION, "passwordCredentials": [secret], "keyCredentials": []}]
    cloud.on(APPLICATIONS, NOTHING, NOTHING, says({"value": rows}))

    with pytest.raises(UnexpectedAnswerError) as failed:
        _ = [list(page) async for page in adapters.directory.listing()]

    assert "hint-canary" not in repr(failed.value) + str(failed.value)
    assert failed.value.__cause__ is None


async def test_the_directory_is_followed_page_by_page(
    cloud: LocalCloud, adapters: Adapters
) -> None:
    link = f"{cloud.settings.graph}{APPLICATIONS}?$skiptoken=x"
    row = {**APPLICATION, "passwordCredentials": [], "keyCredentials": []}
    first = says({"value": [row], "@odata.nextLink": link})
    last = says({"value": [{**row, "id": "object-2"}]})
    cloud.on(APPLICATIONS, NOTHING, NOTHING, first, last)
    cloud.on(PRINCIPALS, NOTHING)

    found = [one.object_id async for page in adapters.directory.listing() for one in page.objects]

    assert found == ["object-1", "object-2"]


async def test_a_directory_that_denies_names_the_permission(
    cloud: LocalCloud, adapters: Adapters
) -> None:
    cloud.on(APPLICATIONS, says({"error": {"code": "Authorization_RequestDenied"}}, status=403))

    with pytest.raises(AccessDeniedError) as denied:
        await anext(adapters.directory.listing())

    assert "Application.Read.All" in denied.value.remedy
