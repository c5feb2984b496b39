"""Confirming a key of a resource over the API: what is no such key is refused at once."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from services.gateway.domain.role import Role
from services.gateway.domain.scope import Scope
from shared.events import CredentialChangeRequested
from tests.support.database import Database
from tests.support.gateway import Gateway, running_gateway
from tests.support.rotations import (
    CREDENTIALS,
    PAY,
    SECRET,
    WEB,
    begun,
    hear,
    published,
    seed_rotations,
)
from tests.support.rotator import RESOURCE

SUBSCRIPTION = RESOURCE.split("/")[2]
KEY: dict[str, Any] = {"resource": RESOURCE, "slot": "key1", "place_ids": [PAY]}


@pytest.fixture(autouse=True)
async def _estate(database: Database) -> None:
    await seed_rotations(database)


@pytest.fixture
async def ada(gateway: Gateway) -> Any:
    async with await gateway.signed_in(Role.OPERATOR) as http:
        yield http


async def listed(http: httpx.AsyncClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await http.get(CREDENTIALS)).json()["data"]
    return found


async def test_a_key_is_confirmed_listed_and_released(
    gateway: Gateway, database: Database, ada: httpx.AsyncClient
) -> None:
    asked = await ada.post(CREDENTIALS, json=KEY)
    await hear(database)
    [found] = await listed(ada)
    released = await ada.delete(f"{CREDENTIALS}/{found['id']}")
    await hear(database)
    [after] = await listed(ada)

    assert (asked.status_code, asked.json()) == (202, {"id": found["id"]})
    assert (found["container"], found["key_id"], found["state"]) == ("stshop", "key1", "active")
    assert [place["item_id"] for place in found["places"]] == [PAY]
    assert (released.status_code, after["state"]) == (202, "released")
    first, _ = await published(database, CredentialChangeRequested)
    assert (first.item_id, first.resource, first.slot) == (None, RESOURCE.lower(), "key1")
    assert [one[0] for one in await gateway.actions()].count("credential:change-requested") == 2


async def test_a_resource_is_one_credential_however_its_id_is_written(
    database: Database, ada: httpx.AsyncClient
) -> None:
    first = await ada.post(CREDENTIALS, json=KEY)
    await hear(database)
    again = await ada.post(
        CREDENTIALS,
        json={"resource": RESOURCE.upper(), "slot": "key2", "place_ids": [WEB]},
    )
    await hear(database)
    [found] = await listed(ada)

    assert first.json() == again.json() == {"id": found["id"]}
    assert found["key_id"] == "key2"
    await begun(ada, database, found["id"])
    assert (await ada.post(CREDENTIALS, json=KEY)).status_code == 409


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (KEY | {"item_id": SECRET}, "either"),
        ({"place_ids": [PAY]}, "either"),
        ({"resource": RESOURCE, "place_ids": [PAY]}, "either"),
        ({"item_id": SECRET, "slot": "key1", "place_ids": [PAY]}, "either"),
        (KEY | {"slot": "primary"}, "called key1 and key2"),
        (KEY | {"resource": "stshop"}, "must be the id in Azure"),
        (KEY | {"resource": RESOURCE.replace("Storage/storageAccounts", "Cache/redis")}, "id in"),
        (
            KEY | {"resource": RESOURCE.replace("Storage/storageAccounts", "EventHub/namespaces")},
            "authorizationRules",
        ),
        (KEY | {"place_ids": [999]}, "no such secret in a vault"),
        (KEY | {"resource": "x" * 501}, "at most 500"),
    ],
)
async def test_what_is_no_such_key_is_refused_with_a_sentence(
    database: Database, ada: httpx.AsyncClient, body: dict[str, Any], sentence: str
) -> None:
    answer = await ada.post(CREDENTIALS, json=body)

    assert answer.status_code == 422
    assert sentence in answer.text
    assert await published(database) == []


@pytest.mark.parametrize(("subscription", "status"), [(SUBSCRIPTION, 202), ("another", 404)])
async def test_whoever_has_a_scope_confirms_keys_of_its_subscriptions_only(
    database: Database, tmp_path: Path, subscription: str, status: int
) -> None:
    scope = Scope(vault_ids=frozenset({1}), subscription_ids=frozenset({subscription}))
    async with (
        running_gateway(database, tmp_path, scope_of=lambda _: scope) as gateway,
        await gateway.signed_in(Role.OPERATOR) as http,
    ):
        answer = await http.post(CREDENTIALS, json=KEY)

    assert answer.status_code == status


async def test_whoever_has_a_scope_does_not_take_a_key_over_from_secrets_unseen(
    database: Database, ada: httpx.AsyncClient, tmp_path: Path
) -> None:
    await ada.post(CREDENTIALS, json=KEY | {"place_ids": [WEB]})
    await hear(database)
    scope = Scope(vault_ids=frozenset({1}), subscription_ids=frozenset({SUBSCRIPTION}))
    async with (
        running_gateway(database, tmp_path, scope_of=lambda _: scope) as gateway,
        await gateway.signed_in(Role.OPERATOR) as http,
    ):
        answer = await http.post(CREDENTIALS, json=KEY)

    assert answer.status_code == 409
    assert "out of your scope" in answer.text
