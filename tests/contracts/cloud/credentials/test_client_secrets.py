"""Adding and removing an application's client secrets in Microsoft Graph."""

import asyncio
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from tests.support.rotated import Applications, sign_in
from tests.support.sandbox import Way

NOWHERE = "00000000-0000-4000-8000-000000000000"


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def test_a_new_secret_is_told_once_and_opens_the_door(way: Way, graph: Applications) -> None:
    application = graph.owned()
    before = await graph.ids(application["id"])

    status, made, _ = await graph.add(application["id"], displayName="cc:first:1")
    read = await graph.read(f"applications/{application['id']}")

    assert status == 200
    assert made["@odata.context"].endswith("#microsoft.graph.passwordCredential")
    assert made["displayName"] == "cc:first:1"
    assert 32 <= len(made["secretText"]) <= 64
    assert made["hint"] == made["secretText"][:3]
    shown = next(one for one in read["passwordCredentials"] if one["keyId"] == made["keyId"])
    assert shown == {k: v for k, v in made.items() if k != "@odata.context"} | {"secretText": None}
    assert await graph.ids(application["id"]) == [*before, made["keyId"]]
    claims = await sign_in(way, application["appId"], made["secretText"])
    assert (claims["appid"], claims["appidacr"]) == (application["appId"], "1")


async def test_a_secret_holds_for_two_years_from_now_unless_it_is_said_otherwise(
    graph: Applications,
) -> None:
    application = graph.owned()["id"]
    start, end = datetime.now(UTC) - timedelta(days=1), datetime.now(UTC) + timedelta(days=30)

    _, plain, _ = await graph.send("POST", f"applications/{application}/addPassword", {})
    _, dated, _ = await graph.add(
        application, startDateTime=start.isoformat(), endDateTime=end.isoformat()
    )

    begun, ends = instant(plain["startDateTime"]), instant(plain["endDateTime"])
    assert abs(begun - datetime.now(UTC)) < timedelta(minutes=2)
    assert ends.replace(year=begun.year) == begun
    assert ends.year == begun.year + 2
    assert plain["displayName"] is None
    assert instant(dated["startDateTime"]) == start.replace(microsecond=0)
    assert instant(dated["endDateTime"]) == end.replace(microsecond=0)


async def test_a_removed_secret_is_gone_and_the_others_stay(way: Way, graph: Applications) -> None:
    application = graph.owned()
    _, kept, _ = await graph.add(application["id"])
    _, gone, _ = await graph.add(application["id"])

    status, _, _ = await graph.remove(application["id"], gone["keyId"])

    assert status == 204
    ids = await graph.ids(application["id"])
    assert kept["keyId"] in ids
    assert gone["keyId"] not in ids
    await sign_in(way, application["appId"], kept["secretText"])
    with pytest.raises(Exception, match="AADSTS7000215"):
        await sign_in(way, application["appId"], gone["secretText"])


async def test_an_application_may_be_named_by_its_application_id(graph: Applications) -> None:
    application = graph.owned()
    by_app_id = f"(appId='{application['appId']}')"

    status, made, _ = await graph.send("POST", f"applications{by_app_id}/addPassword", {})
    removed, _, _ = await graph.send(
        "POST", f"applications{by_app_id}/removePassword", {"keyId": made["keyId"]}
    )

    assert (status, removed) == (200, 204)


async def test_a_key_id_that_is_not_there_is_refused_as_the_service_words_it(
    graph: Applications,
) -> None:
    application = graph.owned()["id"]

    status, body, _ = await graph.remove(application, NOWHERE)

    assert (status, body["error"]["code"]) == (400, "Request_BadRequest")
    assert body["error"]["message"] == f"No password credential found with keyId '{NOWHERE}'."
    assert body["error"]["innerError"]["request-id"]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"passwordCredential": "secret"}, "passwordCredential"),
        ({"passwordCredential": {"displayName": 7}}, "displayName"),
        ({"passwordCredential": {"endDateTime": "soon"}}, "Edm.DateTimeOffset"),
        ({"passwordCredential": {"endDateTime": "2030-01-01T00:00:00"}}, "Edm.DateTimeOffset"),
        ({"passwordCredential": {"startDateTime": "9999-12-31T00:00:00Z"}}, "end date is invalid"),
        ({"passwordCredential": {"startDateTime": 5}}, "Edm.DateTimeOffset"),
        ({"passwordCredential": {"endDateTime": "2020-01-01T00:00:00Z"}}, "end date is invalid"),
        ({"passwordCredential": {"secretText": "of my own"}}, "service generated secret"),
        (["passwordCredential"], "valid JSON"),
    ],
)
async def test_nonsense_is_refused_and_nothing_is_added(
    graph: Applications, asked: object, words: str
) -> None:
    application = graph.owned()["id"]
    before = await graph.ids(application)

    status, body, _ = await graph.send("POST", f"applications/{application}/addPassword", asked)

    assert status == 400
    assert words in body["error"]["message"]
    assert await graph.ids(application) == before


@pytest.mark.parametrize("key_id", [None, 7, "first", ""])
async def test_a_key_id_must_be_a_guid(graph: Applications, key_id: object) -> None:
    status, body, _ = await graph.remove(graph.owned()["id"], key_id)

    assert (status, body["error"]["code"]) == (400, "Request_BadRequest")


async def test_what_does_not_exist_is_not_found(graph: Applications) -> None:
    status, body, _ = await graph.add(NOWHERE)

    assert (status, body["error"]["code"]) == (404, "Request_ResourceNotFound")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "applications"),
        ("DELETE", "applications/{id}"),
        ("POST", "applications/{id}/addKey"),
        ("PATCH", "applications/{id}/addPassword"),
        ("POST", "servicePrincipals/{id}/addPassword"),
    ],
)
async def test_what_the_sandbox_cannot_do_it_says(
    graph: Applications, method: str, path: str
) -> None:
    status, body, _ = await graph.send(method, path.format(id=graph.owned()["id"]), {})

    assert status == 405
    assert "does not have" in body["error"]["message"]


async def test_of_two_writes_at_once_one_meets_a_concurrency_violation(
    way: Way, graph: Applications
) -> None:
    application = graph.owned()["id"]
    before = await graph.ids(application)

    with way.sandbox.control.replication(write_seconds=1):
        answers = await asyncio.gather(graph.add(application), graph.add(application))

    assert sorted(status for status, _, _ in answers) == [200, 409]
    refused = next(body for status, body, _ in answers if status == 409)
    assert refused["error"]["code"] == "Directory_ConcurrencyViolation"
    assert "concurrent requests being made to the tenant" in refused["error"]["message"]
    assert len(await graph.ids(application)) == len(before) + 1


async def test_writes_to_two_applications_do_not_meet(way: Way, graph: Applications) -> None:
    with way.sandbox.control.replication(write_seconds=1):
        answers = await asyncio.gather(*(graph.add(graph.owned(number)["id"]) for number in (0, 1)))

    assert [status for status, _, _ in answers] == [200, 200]


@pytest.mark.parametrize("status", [400, 409, 503])
async def test_the_services_other_forms_of_a_conflict_are_faults(
    way: Way, graph: Applications, status: int
) -> None:
    application = graph.owned()["id"]
    before = await graph.ids(application)
    words = "Error due to concurrent requests being made to the tenant."
    code = "Directory_ConcurrencyViolation"

    with way.sandbox.control.fault(
        path="/addPassword$", method="POST", status=status, code=code, message=words, count=1
    ):
        refused, body, _ = await graph.add(application)

    assert (refused, body["error"]) == (status, {"code": code, "message": words})
    assert await graph.ids(application) == before


async def test_a_secret_may_be_made_and_the_answer_that_tells_it_be_lost(
    way: Way, graph: Applications
) -> None:
    application = graph.owned()["id"]
    before = await graph.ids(application)

    with way.sandbox.control.fault(path="/addPassword$", after=True, status=503, count=1):
        lost, body, _ = await graph.add(application, displayName="cc:lost:1")
    with (
        way.sandbox.control.fault(path="/addPassword$", after=True, reset=True, count=1),
        pytest.raises(aiohttp.ClientError),
    ):
        await graph.add(application, displayName="cc:lost:2")

    assert lost == 503
    assert "secretText" not in str(body)
    read = await graph.read(f"applications/{application}?$select=passwordCredentials")
    new = [one for one in read["passwordCredentials"] if one["keyId"] not in before]
    assert [one["displayName"] for one in new] == ["cc:lost:1", "cc:lost:2"]


async def test_a_secret_may_be_removed_and_the_answer_be_lost(
    way: Way, graph: Applications
) -> None:
    application = graph.owned()["id"]
    _, made, _ = await graph.add(application)

    with way.sandbox.control.fault(path="/removePassword$", after=True, status=504, count=1):
        lost, _, _ = await graph.remove(application, made["keyId"])
    again, _, _ = await graph.remove(application, made["keyId"])

    assert (lost, again) == (504, 400)
    assert made["keyId"] not in await graph.ids(application)


async def test_no_secret_is_in_the_log_or_the_truth(way: Way, graph: Applications) -> None:
    application = graph.owned()
    _, made, _ = await graph.add(application["id"], displayName="cc:canary:1")
    await sign_in(way, application["appId"], made["secretText"])

    truth, log = way.sandbox.control.truth(), way.sandbox.control.log()

    held = next(each for each in truth["applications"] if each["id"] == application["id"])
    assert made["keyId"] in [one["keyId"] for one in held["passwordCredentials"]]
    assert made["secretText"] not in str(truth)
    assert made["secretText"] not in str(log)
    assert any(entry["path"].endswith("/addPassword") for entry in log)


async def test_writes_count_in_the_quota(way: Way, graph: Applications) -> None:
    application = graph.owned()["id"]
    way.sandbox.control.set_graph_quota(units=1)
    try:
        first, _, _ = await graph.add(application)
        second, body, headers = await graph.add(application)
    finally:
        way.sandbox.control.set_graph_quota()

    assert (first, second, body["error"]["code"]) == (200, 429, "TooManyRequests")
    assert int(headers["retry-after"]) >= 1
