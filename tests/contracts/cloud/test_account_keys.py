"""Resources with two keys in Resource Manager: who reads them, and how a key is renewed."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext

import aiohttp
import pytest

from tests.support.keyed import VERSIONS, opens, resource
from tests.support.sandbox import Way

STORAGE = "Microsoft.Storage/storageAccounts"
COSMOS = "Microsoft.DocumentDB/databaseAccounts"
SERVICE_BUS = "Microsoft.ServiceBus/namespaces"
REDIS = "Microsoft.Cache/redis"
every_type = pytest.mark.parametrize("type_name", VERSIONS)
with_a_data_plane = pytest.mark.parametrize("type_name", [t for t in VERSIONS if t != REDIS])


@pytest.fixture(autouse=True)
def no_fault_stays(way: Way) -> Iterator[None]:
    yield
    way.sandbox.control.clear_faults()


@every_type
async def test_a_resource_is_read_and_listed_without_its_keys(way: Way, type_name: str) -> None:
    found = resource(way, type_name)
    keys = await found.keys()

    one = await found.ask("GET")
    subscription = found.shown["id"].split("/resourceGroups/")[0]
    url = f"{way.ready['arm']}{subscription}/providers/{type_name}"
    listed = await found.follow("GET", f"{url}?api-version={VERSIONS[type_name]}")

    assert (one.status, one.body["id"], one.body["type"]) == (200, found.shown["id"], type_name)
    teams = Counter(each["tags"]["team"] for each in listed.body["value"])
    assert teams == {"payments": 1, "orders": 1, "legacy": 1}
    assert not any(key in str((one.body, listed.body)) for key in keys)


@every_type
async def test_renewing_a_key_leaves_the_other_one(way: Way, type_name: str) -> None:
    found = resource(way, type_name, team="orders")
    first, second = await found.keys()

    await found.settled(await found.regenerate())
    renewed, same = await found.keys()
    await found.settled(await found.regenerate(second=True))

    assert renewed not in {first, second}
    assert same == second
    assert (await found.keys())[0] == renewed
    assert (await found.keys())[1] != second


@with_a_data_plane
async def test_only_the_keys_that_stand_open_the_data_plane(way: Way, type_name: str) -> None:
    found = resource(way, type_name)
    first, second = await found.keys()
    assert await opens(way, found.shown, first)

    await found.settled(await found.regenerate())

    assert not await opens(way, found.shown, first)
    assert await opens(way, found.shown, second)
    assert await opens(way, found.shown, (await found.keys())[0])


@every_type
async def test_who_may_only_read_is_told_the_action_it_lacks(way: Way, type_name: str) -> None:
    found = resource(way, type_name, "discover")

    read = await found.ask("GET")
    keys = await found.ask("POST", f"{found.rule}/listKeys")
    renewed = await found.regenerate()

    below = "/authorizationRules" if found.rule else ""
    assert read.status == 200
    assert (keys.status, keys.code) == (403, "AuthorizationFailed")
    assert f"{type_name}{below}/listKeys/action" in keys.body["error"]["message"]
    assert (renewed.status, renewed.code) == (403, "AuthorizationFailed")
    assert "/regenerateKey" in renewed.body["error"]["message"]


@every_type
async def test_a_role_on_one_resource_opens_no_other(way: Way, type_name: str) -> None:
    found = resource(way, type_name, team="legacy")

    answer = await found.ask("POST", f"{found.rule}/listKeys")

    assert (answer.status, answer.code) == (403, "AuthorizationFailed")
    assert found.shown["keysOpenTo"] == []


@every_type
async def test_a_key_that_does_not_exist_is_not_renewed(way: Way, type_name: str) -> None:
    found = resource(way, type_name)
    before = await found.keys()
    verb = "regenerateKeys" if found.rule else "regenerateKey"

    answers = [
        await found.ask("POST", f"{found.rule}/{verb}", body)
        for body in (
            {"keyName": "key9", "keyKind": "third", "keyType": "Key9"},
            {"keyName": "KEY1", "keyKind": "PRIMARY", "keyType": "PRIMARY"},
            {},
        )
    ]

    assert {answer.status for answer in answers} == {400}
    assert await found.keys() == before


@every_type
async def test_a_resource_that_is_not_there_is_named(way: Way, type_name: str) -> None:
    found = resource(way, type_name, "discover")
    shown = found.shown | {"id": found.shown["id"].replace(found.shown["name"], "missing")}
    found.shown = shown

    answer = await found.ask("GET")

    assert (answer.status, answer.code) == (404, "ResourceNotFound")
    assert f"{type_name}/missing" in answer.body["error"]["message"]


@every_type
async def test_a_version_of_another_type_is_refused_with_those_there_are(
    way: Way, type_name: str
) -> None:
    answer = await resource(way, type_name).ask("GET", version="2015-01-01")

    assert (answer.status, answer.code) == (400, "NoRegisteredProviderFound")
    assert VERSIONS[type_name] in answer.body["error"]["message"]


@every_type
async def test_of_changes_at_the_same_time_one_is_made_and_the_others_refused(
    way: Way, type_name: str
) -> None:
    found, refused = resource(way, type_name), []
    for _ in range(20):
        answers = await asyncio.gather(*(found.regenerate(second=n % 2 == 1) for n in range(4)))
        made = [answer for answer in answers if answer.status in {200, 202}]
        assert made
        await found.settled(made[-1])
        refused = [answer for answer in answers if answer not in made]
        if refused:
            break

    assert {answer.status for answer in refused} == {412 if type_name == COSMOS else 409}
    assert len({answer.code for answer in refused}) == 1


async def test_storage_says_when_each_key_was_made(way: Way) -> None:
    found = resource(way, STORAGE)
    before = (await found.ask("POST", "/listKeys")).body["keys"]

    after = (await found.regenerate(second=True)).body["keys"]

    assert [key["keyName"] for key in after] == ["key1", "key2"]
    assert [key["permissions"] for key in after] == ["FULL", "FULL"]
    assert after[0] == before[0]
    assert after[1]["creationTime"] > before[1]["creationTime"]
    shown = (await found.ask("GET")).body["properties"]["keyCreationTime"]
    assert shown == {key["keyName"]: key["creationTime"] for key in after}


async def test_cosmos_goes_on_with_the_old_key_until_the_change_is_through(way: Way) -> None:
    found = resource(way, COSMOS)
    first, _ = await found.keys()

    accepted = await found.regenerate()
    during = (await found.keys())[0]
    result = await found.follow("GET", accepted.headers["Location"])
    await found.settled(accepted)

    assert (accepted.status, accepted.body) == (202, {"status": "Enqueued"})
    assert (during, result.status) == (first, 202)
    assert (await found.keys())[0] != first
    assert (await found.follow("GET", accepted.headers["Location"])).status == 200


async def test_cosmos_has_keys_that_only_read_and_are_renewed_by_themselves(way: Way) -> None:
    found = resource(way, COSMOS)
    before = (await found.ask("POST", "/listKeys")).body

    await found.settled(await found.ask("POST", "/regenerateKey", {"keyKind": "primaryReadonly"}))

    after = (await found.ask("POST", "/listKeys")).body
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"primaryReadonlyMasterKey"}
    assert await opens(way, found.shown, after["primaryReadonlyMasterKey"])


async def test_a_namespace_lists_its_rules_and_each_has_keys_of_its_own(way: Way) -> None:
    found = resource(way, SERVICE_BUS)

    rules = (await found.ask("GET", "/authorizationRules")).body["value"]
    one = await found.ask("GET", "/authorizationRules/send-only")
    missing = await found.ask("POST", "/authorizationRules/missing/listKeys")
    keys = (await found.ask("POST", "/authorizationRules/send-only/listKeys")).body

    assert {rule["name"] for rule in rules} == {"RootManageSharedAccessKey", "send-only"}
    assert one.body["properties"]["rights"] == ["Send"]
    assert (missing.status, missing.code) == (404, "ResourceNotFound")
    assert keys["keyName"] == "send-only"
    assert keys["primaryKey"] in keys["primaryConnectionString"]
    assert keys["primaryKey"] not in await found.keys()


async def test_a_namespace_takes_the_key_that_the_caller_brings(way: Way) -> None:
    found = resource(way, SERVICE_BUS)
    wanted = "c2FuZGJveCBrZXkgb2YgdGhpcnR5LXR3byBieXRlcyE="
    body = {"keyType": "PrimaryKey", "key": wanted}

    await found.ask("POST", f"{found.rule}/regenerateKeys", body)

    assert (await found.keys())[0] == wanted


@pytest.mark.parametrize("lost", [{"status": 500}, {"reset": True}])
async def test_a_renewal_may_take_effect_and_its_answer_be_lost(
    way: Way, lost: dict[str, object]
) -> None:
    found = resource(way, STORAGE)
    first, second = await found.keys()
    rule = {"path": "/regenerateKey$", "method": "POST", "after": True, "count": 1} | lost

    seen = pytest.raises(aiohttp.ClientError) if "reset" in lost else nullcontext()
    with way.sandbox.control.fault(**rule), seen:
        assert (await found.regenerate()).status == 500

    renewed, same = await found.keys()
    assert renewed != first
    assert same == second


@pytest.mark.parametrize("rule", [{"status": 503}, {"latency_seconds": 0.02, "status": 429}])
async def test_a_renewal_that_is_refused_changes_nothing(way: Way, rule: dict[str, object]) -> None:
    found = resource(way, STORAGE)
    before = await found.keys()

    with way.sandbox.control.fault(path="/regenerateKey$", identity="^rotate$", **rule):
        answer = await found.regenerate()

    assert answer.status == rule["status"]
    assert await found.keys() == before


@every_type
async def test_neither_the_log_nor_the_truth_shows_a_key(way: Way, type_name: str) -> None:
    found = resource(way, type_name)
    before = await found.keys()
    await found.settled(await found.regenerate())
    keys = {*before, *await found.keys()}
    if type_name != REDIS:
        for key in keys:
            await opens(way, found.shown, key)

    told = str(way.sandbox.control.truth()) + str(way.sandbox.control.log())

    assert not any(key in told for key in keys)


async def test_the_log_says_who_renewed_what(way: Way) -> None:
    found = resource(way, STORAGE)
    way.sandbox.control.clear_log()

    await found.regenerate()

    (entry,) = way.sandbox.control.log(method="POST")
    assert entry["path"] == f"{found.shown['id']}/regenerateKey"
    assert (entry["identity"], entry["status"]) == ("rotate", 200)


async def test_only_posts_that_are_known_are_taken(way: Way) -> None:
    found = resource(way, STORAGE)

    statuses = [
        (await found.ask("GET", "/listKeys")).status,
        (await found.ask("POST", "/failover")).status,
        (await found.ask("POST")).status,
        (await found.ask("DELETE")).status,
    ]

    assert statuses == [405, 404, 405, 405]
