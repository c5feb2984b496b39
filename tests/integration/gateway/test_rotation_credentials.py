"""Which secrets hold a credential, and what holds rotations: asked for once, refused at once."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from services.gateway.domain.role import Role
from services.gateway.routes.rotation_answers import Pause, RotationCredential
from services.gateway.settings import Settings
from shared.events import CredentialChangeRequested, RotationPauseRequested
from tests.support.database import Database
from tests.support.gateway import Gateway, running_gateway
from tests.support.rotations import (
    APP_CERTIFICATE,
    CREDENTIALS,
    FOREIGN_SECRET,
    NAME,
    OF_CERTIFICATE,
    OTHER_SECRET,
    PAUSES,
    PAY,
    SECRET,
    WEB,
    begun,
    confirmed,
    hear,
    move,
    published,
    seed_rotations,
)


@pytest.fixture(autouse=True)
async def _estate(database: Database) -> None:
    await seed_rotations(database)


@pytest.fixture
async def ada(gateway: Gateway) -> Any:
    async with await gateway.signed_in(Role.OPERATOR) as http:
        yield http


async def listed(http: httpx.AsyncClient) -> list[dict[str, Any]]:
    answer = await http.get(CREDENTIALS)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["data"]
    for row in found:
        assert set(row) == set(RotationCredential.model_fields)
        RotationCredential.model_validate(row)
    return found


async def refused(http: httpx.AsyncClient, **body: Any) -> tuple[int, str]:
    answer = await http.post(CREDENTIALS, json={"item_id": SECRET, "place_ids": [PAY], **body})
    return answer.status_code, answer.text


async def test_a_credential_is_confirmed_with_its_secrets_listed_and_released(
    gateway: Gateway, database: Database, ada: httpx.AsyncClient
) -> None:
    body = {"item_id": SECRET, "place_ids": [WEB, PAY, WEB], "lifetime_days": 30}
    asked = await ada.post(CREDENTIALS, json=body)
    await hear(database)
    [found] = await listed(ada)
    released = await ada.delete(f"{CREDENTIALS}/{found['id']}")
    await hear(database)
    [after] = await listed(ada)

    assert (asked.status_code, asked.json()) == (202, {"id": found["id"]})
    assert (found["name"], found["container"], found["item_id"]) == (NAME, "payments-api", SECRET)
    assert (found["state"], found["key_id"], found["rotation_id"]) == ("active", "key-1", None)
    assert (found["lifetime_days"], found["overlap_seconds"]) == (30, 172_800)
    assert sorted(place["name"] for place in found["places"]) == ["pay-db", "web-db"]
    assert (released.status_code, after["state"], after["places"]) == (202, "released", [])
    asks = await published(database, CredentialChangeRequested)
    assert [len(event.place_ids) for event in asks] == [2, 0]
    changes = [one for one in await gateway.actions() if one[0] == "credential:change-requested"]
    assert [one[2] for one in changes] == [found["id"]] * 2


async def test_the_same_secret_confirmed_again_is_the_same_credential(
    database: Database, ada: httpx.AsyncClient
) -> None:
    first = await confirmed(ada, database, SECRET, PAY)
    at_once = [
        (await ada.post(CREDENTIALS, json={"item_id": OTHER_SECRET, "place_ids": [WEB]})).json()
        for _ in range(2)
    ]
    again = await confirmed(ada, database, SECRET, PAY)
    await ada.delete(f"{CREDENTIALS}/{first}")
    await hear(database)
    after_release = await confirmed(ada, database, SECRET, PAY)

    assert first == again == after_release
    assert at_once[0] == at_once[1]
    assert {row["state"] for row in await listed(ada)} == {"active"}


async def test_an_id_that_is_in_use_under_another_key_is_not_taken_over(
    database: Database, ada: httpx.AsyncClient
) -> None:
    first = await confirmed(ada, database, SECRET, PAY)
    async with database.connection("rotator") as conn:
        await conn.execute("UPDATE rotator.credential SET key_id = 'key-new'")
    other = await ada.post(CREDENTIALS, json={"item_id": SECRET, "place_ids": [WEB]})

    assert other.status_code == 202
    assert other.json()["id"] != first


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        ({"item_id": 999}, 404, "no such item"),
        ({"item_id": PAY}, 422, "Only the client secret of an application"),
        ({"item_id": APP_CERTIFICATE}, 422, "Only the client secret of an application"),
        ({"item_id": FOREIGN_SECRET}, 422, "Only the client secret of an application"),
        ({"place_ids": []}, 422, "at least 1"),
        ({"place_ids": list(range(1, 22))}, 422, "at most 20"),
        ({"place_ids": [PAY, 999]}, 422, "/body/place_ids/1"),
        ({"place_ids": [SECRET]}, 422, "no such secret in a vault"),
        ({"place_ids": [OF_CERTIFICATE]}, 422, "belongs to a certificate"),
        ({"lifetime_days": 731}, 422, "less than or equal to 730"),
        ({"overlap_seconds": 3599}, 422, "ROTATION_OVERLAP_FLOOR_SECONDS"),
        ({"overlap_seconds": 7_776_001}, 422, "less than or equal to 7776000"),
        ({"lifetime_days": 2, "overlap_seconds": 172_800}, 422, "shorter than the lifetime"),
    ],
)
async def test_what_must_not_be_rotated_or_written_is_refused_with_a_sentence(
    database: Database, ada: httpx.AsyncClient, body: dict[str, Any], status: int, sentence: str
) -> None:
    found = await refused(ada, **body)

    assert found[0] == status
    assert sentence in found[1]
    assert await published(database) == []


async def test_a_secret_that_holds_another_credential_is_refused(
    database: Database, ada: httpx.AsyncClient
) -> None:
    await confirmed(ada, database, SECRET, PAY)

    found = await refused(ada, item_id=OTHER_SECRET)

    assert (found[0], "would overwrite each other" in found[1]) == (422, True)


async def test_while_a_rotation_is_under_way_its_secrets_stay(
    database: Database, ada: httpx.AsyncClient
) -> None:
    credential = await confirmed(ada, database)
    rotation = await begun(ada, database, credential)
    answers = [await refused(ada), (await ada.delete(f"{CREDENTIALS}/{credential}")).status_code]
    [row] = await listed(ada)
    await move(database, rotation, "abandoned", over=True)
    after = await ada.delete(f"{CREDENTIALS}/{credential}")

    assert (answers[0][0], answers[1]) == (409, 409)
    assert row["rotation_id"] == rotation
    assert after.status_code == 202
    assert (await ada.delete(f"{CREDENTIALS}/{uuid4()}")).status_code == 404


async def test_the_shortest_overlap_is_a_setting(database: Database, tmp_path: Path) -> None:
    async with (
        running_gateway(database, tmp_path, rotation_overlap_floor_seconds=0) as loose,
        await loose.signed_in(Role.OPERATOR) as http,
    ):
        answer = await http.post(
            CREDENTIALS, json={"item_id": SECRET, "place_ids": [PAY], "overlap_seconds": 0}
        )

    assert answer.status_code == 202
    assert Settings.model_fields["rotation_overlap_floor_seconds"].default == 3600


@pytest.mark.parametrize("role", [Role.VIEWER, Role.AUDITOR, Role.APPROVER])
async def test_who_only_reads_or_approves_confirms_nothing(gateway: Gateway, role: Role) -> None:
    async with await gateway.signed_in(role) as http:
        assert (await refused(http))[0] == 403
        assert await listed(http) == []


async def test_rotations_are_paused_and_resumed_at_each_level(
    gateway: Gateway, database: Database, ada: httpx.AsyncClient
) -> None:
    credential = await confirmed(ada, database)
    wanted = [("everything", ""), ("subscription", "SUB-A"), ("credential", credential)]
    for scope, target in wanted:
        body = {"scope": scope, "target": target, "paused": True, "reason": "a freeze"}
        answer = await ada.put(PAUSES, json=body)
        assert answer.json() == {"scope": scope, "target": target.lower(), "paused": True}
    await hear(database)
    held = (await ada.get(PAUSES)).json()["data"]
    gateway.clock.forward(minutes=6)
    answers = [
        await ada.put(PAUSES, json={"scope": scope, "target": target, "paused": False})
        for scope, target in wanted
    ]
    await hear(database)
    left = (await ada.get(PAUSES)).json()["data"]

    assert [Pause.model_validate(one).target for one in held] == ["", "sub-a", credential]
    assert {one["reason"] for one in held} == {"a freeze"}
    assert [answer.status_code for answer in answers] == [403, 202, 202]
    assert answers[0].json()["code"] == "confirm-first"
    assert [one["scope"] for one in left] == ["everything"]
    asks = await published(database, RotationPauseRequested)
    assert [event.paused for event in asks] == [True] * 3 + [False] * 2
    recorded = [one for one in await gateway.actions() if one[0] == "rotation:pause-requested"]
    assert len(recorded) == 5


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"scope": "everything", "target": "sub-a"}, 422),
        ({"scope": "subscription", "target": ""}, 422),
        ({"scope": "credential", "target": "deploy"}, 422),
        ({"scope": "everything", "reason": ""}, 422),
        ({"scope": "subscription", "target": "unknown"}, 404),
        ({"scope": "credential", "target": str(uuid4())}, 404),
    ],
)
async def test_a_pause_of_nothing_is_refused(
    database: Database, ada: httpx.AsyncClient, body: dict[str, Any], status: int
) -> None:
    answer = await ada.put(PAUSES, json={"paused": True, "reason": "a freeze", **body})

    assert answer.status_code == status
    assert await published(database) == []
