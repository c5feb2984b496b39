"""Rotations of somebody with a scope: those of secrets that are all theirs, and no others."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from services.gateway.domain.role import Role
from services.gateway.domain.scope import Scope
from shared.clock import utc_now
from shared.events import (
    CredentialRef,
    ItemKind,
    RotationCompleted,
    RotationFailed,
    RotationPublished,
    RotationStep,
)
from tests.support.database import Database
from tests.support.gateway import Gateway, running_gateway
from tests.support.rotations import (
    CREDENTIALS,
    DIRECTORY,
    OTHER_SECRET,
    PAUSES,
    PAY,
    PLANS,
    ROTATIONS,
    SECRET,
    WEB,
    begun,
    confirmed,
    hear,
    hold,
    move,
    published,
    seed_rotations,
)
from tests.support.watching import happen, serving, watching


@pytest.fixture
async def scoped(database: Database, tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway at which an operator sees the first vault only, and everybody else everything."""
    await seed_rotations(database)
    scope = Scope(vault_ids=frozenset({1}))
    async with running_gateway(
        database, tmp_path, scope_of=lambda who: scope if who.role is Role.OPERATOR else None
    ) as gateway:
        yield gateway


@pytest.fixture
async def root(scoped: Gateway) -> Any:
    async with await scoped.signed_in(Role.ADMIN) as http:
        yield http


@pytest.fixture
async def ada(scoped: Gateway) -> Any:
    async with await scoped.signed_in(Role.OPERATOR) as http:
        yield http


async def ids(http: httpx.AsyncClient, path: str) -> list[str]:
    answer = await http.get(path)
    assert answer.status_code == 200, answer.text
    return [row["id"] for row in answer.json()["data"]]


async def test_credentials_and_rotations_are_seen_where_all_their_secrets_are(
    database: Database, root: httpx.AsyncClient, ada: httpx.AsyncClient
) -> None:
    own = await confirmed(root, database, SECRET, PAY)
    foreign = await confirmed(root, database, OTHER_SECRET, WEB)
    shared = await hold(database, 1, 2)
    unknown = await hold(database, 12345)
    mine = await begun(root, database, own)
    theirs = await begun(root, database, foreign)
    everything = {mine, theirs, shared["rotation_id"], unknown["rotation_id"]}

    assert set(await ids(root, ROTATIONS)) == everything
    assert await ids(ada, ROTATIONS) == [mine]
    assert await ids(ada, CREDENTIALS) == [own]
    assert (await ada.get(f"{ROTATIONS}/{mine}")).status_code == 200
    for rotation in everything - {mine}:
        assert (await ada.get(f"{ROTATIONS}/{rotation}")).status_code == 404


async def test_what_could_not_begin_is_seen_by_whoever_sees_its_credential(
    database: Database, root: httpx.AsyncClient, ada: httpx.AsyncClient
) -> None:
    own = await confirmed(root, database, SECRET, PAY)
    foreign = await confirmed(root, database, OTHER_SECRET, WEB)
    asked = [
        (await root.post(ROTATIONS, json={"credential_id": credential})).json()["id"]
        for credential in (own, foreign)
    ]
    async with database.connection("rotator") as conn:
        await conn.execute("UPDATE rotator.credential SET state = 'quarantined'")
    await hear(database)

    assert (await ada.get(f"{ROTATIONS}/{asked[0]}")).json()["state"] == "abandoned"
    assert (await ada.get(f"{ROTATIONS}/{asked[1]}")).status_code == 404
    assert await ids(ada, ROTATIONS) == asked[:1]


async def test_nothing_is_asked_of_what_is_out_of_sight(
    database: Database, root: httpx.AsyncClient, ada: httpx.AsyncClient
) -> None:
    foreign = await confirmed(root, database, OTHER_SECRET, WEB)
    body = {"credential_id": foreign}
    plan = (await root.post(PLANS, json=body)).headers["location"]
    rotation = await begun(root, database, foreign)
    await move(database, rotation, "overlap")
    before = len(await published(database))
    pause = {"scope": "credential", "target": foreign, "paused": True, "reason": "x"}
    answers = [
        await ada.post(ROTATIONS, json=body),
        await ada.post(PLANS, json=body),
        await ada.get(plan),
        await ada.post(f"{ROTATIONS}/{rotation}/roll-back", json={}),
        await ada.post(f"{ROTATIONS}/{rotation}/withdraw", json={}),
        await ada.delete(f"{CREDENTIALS}/{foreign}"),
        await ada.put(PAUSES, json=pause),
    ]

    assert [answer.status_code for answer in answers] == [404] * len(answers)
    assert len(await published(database)) == before


async def test_only_what_is_seen_becomes_a_rotated_credential(
    scoped: Gateway, database: Database, root: httpx.AsyncClient, ada: httpx.AsyncClient
) -> None:
    body = {"item_id": SECRET, "place_ids": [PAY]}
    without_directory = await ada.post(CREDENTIALS, json=body)
    scope = Scope(vault_ids=frozenset({1, DIRECTORY}))
    scoped.see(lambda who: scope if who.role is Role.OPERATOR else None)
    foreign_place = await ada.post(CREDENTIALS, json={**body, "place_ids": [PAY, WEB]})
    await confirmed(root, database, SECRET, PAY, WEB)
    taken_over = await ada.post(CREDENTIALS, json=body)
    allowed = await ada.post(CREDENTIALS, json={"item_id": OTHER_SECRET, "place_ids": [PAY]})
    [credential] = await ids(root, CREDENTIALS)
    await root.delete(f"{CREDENTIALS}/{credential}")
    await hear(database)
    after_release = await ada.post(CREDENTIALS, json=body)

    assert without_directory.status_code == 404
    assert foreign_place.status_code == 422
    assert foreign_place.json()["errors"][0]["pointer"] == "/body/place_ids/1"
    assert (taken_over.status_code, "out of your scope" in taken_over.text) == (409, True)
    assert allowed.status_code == 422, "the secret holds another credential"
    assert after_release.status_code == 202


async def test_pauses_are_seen_and_switched_as_far_as_the_scope_goes(
    scoped: Gateway, database: Database, root: httpx.AsyncClient, ada: httpx.AsyncClient
) -> None:
    own = await confirmed(root, database, SECRET, PAY)
    foreign = await confirmed(root, database, OTHER_SECRET, WEB)
    targets = [
        ("everything", ""),
        ("subscription", "sub-a"),
        ("subscription", "sub-b"),
        ("credential", own),
        ("credential", foreign),
    ]
    answers = {}
    for scope, target in targets:
        body = {"scope": scope, "target": target, "paused": True, "reason": "a freeze"}
        answers[target] = (await ada.put(PAUSES, json=body)).status_code
        await root.put(PAUSES, json=body)
    await hear(database)
    seen = [one["target"] for one in (await ada.get(PAUSES)).json()["data"]]
    part = Scope(vault_ids=frozenset({2}))
    scoped.see(lambda who: part if who.role is Role.OPERATOR else None)
    body = {"scope": "subscription", "target": "sub-b", "paused": False}
    of_a_part = await ada.put(PAUSES, json=body)

    assert answers == {"": 403, "sub-a": 202, "sub-b": 404, own: 202, foreign: 404}
    assert seen == ["", "sub-a", own]
    assert (of_a_part.status_code, of_a_part.json()["code"]) == (403, "outside-scope")


async def test_the_live_stream_tells_of_rotations_with_id_state_and_name_to_those_who_see_them(
    scoped: Gateway, database: Database, root: httpx.AsyncClient
) -> None:
    mine = await begun(root, database, await confirmed(root, database, SECRET, PAY))
    theirs = await hold(database, 1, 2)
    name = CredentialRef(
        item_id=SECRET, kind=ItemKind.APP_SECRET, name="deploy 2026", container="payments-api"
    )

    def told(rotation: str) -> list[Any]:
        about = {"rotation_id": UUID(rotation), "credential": name}
        step = {"state": "overlap", "previous_state": "syncing"}
        return [
            RotationStep(**about, **step, at=utc_now()),
            RotationPublished(**about, version="v2", overlap_ends_at=utc_now()),
            RotationFailed(**about, state="overlap", reason="Look first."),
            RotationCompleted(**about, completed_at=utc_now()),
        ]

    async with serving(scoped) as url, watching(url, await scoped.token(Role.OPERATOR)) as ada:
        await ada.frame()
        for event in [*told(theirs["rotation_id"]), *told(mine)]:
            await happen(scoped, event)
        seen = await ada.events(4)

    assert [event["type"] for event in seen] == [event.type for event in told(mine)]
    assert {event["data"]["rotation_id"] for event in seen} == {mine}
    assert seen[0]["data"]["state"] == "overlap"
    assert seen[0]["data"]["credential"]["name"] == "deploy 2026"
    assert seen[0]["summary"] == "Rotation of payments-api/deploy 2026: overlap"
