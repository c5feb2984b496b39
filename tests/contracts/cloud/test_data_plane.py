"""Where keys open something: what each service says to a good request, and to each bad one."""

import time

import pytest

from tests.support.keyed import (
    Resource,
    bus_headers,
    cosmos_headers,
    host_of,
    resource,
    storage_headers,
)
from tests.support.sandbox import Way

STORAGE = "Microsoft.Storage/storageAccounts"
COSMOS = "Microsoft.DocumentDB/databaseAccounts"
SERVICE_BUS = "Microsoft.ServiceBus/namespaces"
EVENT_HUBS = "Microsoft.EventHub/namespaces"
COGNITIVE = "Microsoft.CognitiveServices/accounts"


async def get(way: Way, found: Resource, path: str, headers: dict[str, str]) -> tuple[int, str]:
    url = f"{host_of(found.shown)}{path}"
    async with way.session.get(url, headers=headers) as answer:
        return answer.status, await answer.text()


@pytest.mark.parametrize(
    ("query", "root"),
    [
        ("comp=list", "EnumerationResults"),
        ("comp=properties&restype=service", "StorageServiceProperties"),
    ],
)
async def test_storage_answers_a_request_signed_with_a_shared_key(
    way: Way, query: str, root: str
) -> None:
    found = resource(way, STORAGE)
    key = (await found.keys())[1]
    headers = storage_headers(found.shown["name"], key, query)

    status, text = await get(way, found, f"/?{query}", headers)

    assert status == 200
    assert f"<{root}" in text


async def test_storage_signs_the_query_too(way: Way) -> None:
    found = resource(way, STORAGE)
    key = (await found.keys())[0]
    headers = storage_headers(found.shown["name"], key, "comp=list")

    status, text = await get(way, found, "/?comp=list&prefix=a", headers)

    assert status == 403
    assert "<Code>AuthenticationFailed</Code>" in text
    assert key not in text


async def test_storage_takes_no_old_request_and_none_for_another_account(way: Way) -> None:
    found, other = resource(way, STORAGE), resource(way, STORAGE, team="orders")
    name, key = found.shown["name"], (await found.keys())[0]
    old = storage_headers(name, key, "comp=list", at=time.time() - 1_000)
    good = storage_headers(name, key, "comp=list")

    assert (await get(way, found, "/?comp=list", old))[0] == 403
    assert (await get(way, other, "/?comp=list", good))[0] == 403
    assert (await get(way, found, "/?comp=list", good))[0] == 200


async def test_storage_without_a_key_names_the_authority(way: Way) -> None:
    found = resource(way, STORAGE)

    async with way.session.get(f"{host_of(found.shown)}/?comp=list") as answer:
        assert answer.status == 401
        assert way.ready["tenant_id"] in answer.headers["WWW-Authenticate"]


async def test_cosmos_lists_databases_and_shows_the_account(way: Way) -> None:
    found = resource(way, COSMOS)
    key = (await found.keys())[1]

    databases = await get(way, found, "/dbs", cosmos_headers(key))
    account = await get(way, found, "/", cosmos_headers(key, ""))
    other = await get(way, found, "/dbs", cosmos_headers(key, "colls"))
    none = await get(way, found, "/dbs", {})

    assert [status for status, _ in (databases, account, other, none)] == [200, 200, 401, 401]
    assert '"Databases":[]' in databases[1]
    assert found.shown["name"] in account[1]


@pytest.mark.parametrize(
    ("type_name", "what"),
    [(SERVICE_BUS, "queues"), (SERVICE_BUS, "topics"), (EVENT_HUBS, "eventhubs")],
)
async def test_a_namespace_lists_what_it_holds_to_a_rule_that_manages(
    way: Way, type_name: str, what: str
) -> None:
    found = resource(way, type_name)
    headers = bus_headers(host_of(found.shown), (await found.keys())[1])

    status, text = await get(way, found, f"/$Resources/{what}", headers)

    assert status == 200
    assert "feed" in text


async def test_a_namespace_refuses_what_is_no_good_signature_for_it(way: Way) -> None:
    found, other = resource(way, SERVICE_BUS), resource(way, SERVICE_BUS, team="orders")
    host, key = host_of(found.shown), (await found.keys())[0]
    sends = (await found.ask("POST", "/authorizationRules/send-only/listKeys")).body["primaryKey"]
    wrong = {
        "MissingToken": {},
        "ExpiredToken": bus_headers(host, key, seconds=-60),
        "InvalidAudience": bus_headers(host_of(other.shown), key),
        "InvalidSignature": bus_headers(host, key, "send-only"),
        "'Manage' claim": bus_headers(host, sends, "send-only"),
    }

    for why, headers in wrong.items():
        status, text = await get(way, found, "/$Resources/queues", headers)
        assert (status, why in text) == (401, True), text


async def test_cognitive_services_look_at_the_key_before_the_path(way: Way) -> None:
    found = resource(way, COGNITIVE)
    good = {"Ocp-Apim-Subscription-Key": (await found.keys())[0]}

    statuses = [
        (await get(way, found, path, headers))[0]
        for path in ("/vision/v3.2/models", "/missing")
        for headers in (good, {"Ocp-Apim-Subscription-Key": "0" * 32}, {})
    ]

    assert statuses == [200, 401, 401, 404, 401, 401]


async def test_a_name_that_no_account_has_opens_nothing(way: Way) -> None:
    suffixes = way.ready["account_suffixes"]

    statuses = {}
    for plane, suffix in suffixes.items():
        async with way.session.get(f"https://missing{suffix}/") as answer:
            statuses[plane] = answer.status

    assert statuses == {"blob": 404, "documents": 404, "bus": 404, "cognitive": 401}
