"""Setting an application's certificates in Microsoft Graph."""

import asyncio
import base64
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.rotated import Applications, certify
from tests.support.sandbox import Document, Way

KEYS = "keyCredentials"


async def kept(graph: Applications, object_id: str) -> list[Document]:
    """Return the certificates as they must be sent to stay."""
    held = (await graph.read(f"applications/{object_id}"))[KEYS]
    assert all(one["key"] is None for one in held)
    found: list[Document] = held
    return found


async def test_a_certificate_is_added_beside_those_that_are_sent_again(
    graph: Applications,
) -> None:
    application, certified = graph.owned(1)["id"], certify()
    before = await kept(graph, application)
    assert before

    status, _, _ = await graph.set_keys(
        application, *before, certified.as_credential(displayName="CN=new")
    )

    *same, new = await kept(graph, application)
    assert status == 204
    assert same == before
    assert (new["displayName"], new["type"], new["usage"]) == (
        "CN=new",
        "AsymmetricX509Cert",
        "Verify",
    )
    end = certified.certificate.not_valid_after_utc
    assert datetime.fromisoformat(new["endDateTime"]) == end.replace(microsecond=0)


async def test_what_is_not_sent_again_is_gone(graph: Applications) -> None:
    application, certified = graph.owned(2)["id"], certify()
    await graph.set_keys(application, certified.as_credential(), certify().as_credential())
    first, _ = await kept(graph, application)

    await graph.set_keys(application, {"keyId": first["keyId"], "key": None})

    assert await kept(graph, application) == [first]
    status, _, _ = await graph.set_keys(application)
    assert (status, await kept(graph, application)) == (204, [])


async def test_the_certificate_itself_is_told_by_a_read_of_one_that_selects_it(
    graph: Applications,
) -> None:
    application, certified = graph.owned(2)["id"], certify()
    await graph.set_keys(application, certified.as_credential())

    one = await graph.read(f"applications/{application}?$select={KEYS}")
    listed = await graph.read(f"applications?$top=999&$select=id,{KEYS}")
    again, _, _ = await graph.set_keys(application, *one[KEYS])

    assert base64.b64decode(one[KEYS][0]["key"]) == certified.der
    assert {key["key"] for each in listed["value"] for key in each[KEYS]} == {None}
    assert again == 204


async def test_a_kept_certificate_cannot_be_changed(graph: Applications) -> None:
    application = graph.owned(1)["id"]
    (first, *_) = await kept(graph, application)

    for change in (
        {"endDateTime": "2040-01-01T00:00:00Z"},
        {"usage": "Sign"},
        {"key": certify().as_credential()["key"]},
    ):
        status, body, _ = await graph.set_keys(application, first | change)
        assert status == 400
        words = f"Update to existing credential with KeyId '{first['keyId']}' is not allowed."
        assert body["error"]["message"] == words


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"key": None}, "KeyCredentialsInvalidValue"),
        ({"key": "not base64!"}, "KeyCredentialsInvalidValue"),
        ({"key": base64.b64encode(b"not a certificate").decode()}, "KeyCredentialsInvalidValue"),
        ({"key": 7}, "KeyCredentialsInvalidValue"),
        ({"endDateTime": "2020-01-01T00:00:00Z"}, "KeyCredentialsInvalidEndDate"),
        ({"endDateTime": "2040-01-01T00:00:00Z"}, "KeyCredentialsInvalidEndDate"),
        ({"startDateTime": "tomorrow"}, "Request_BadRequest"),
        ({"type": "Symmetric"}, "Request_BadRequest"),
        ({"usage": "Encrypt"}, "Request_BadRequest"),
        ({"displayName": ["CN"]}, "Request_BadRequest"),
    ],
)
async def test_a_certificate_that_is_none_is_refused_and_nothing_changes(
    graph: Applications, change: Document, code: str
) -> None:
    application = graph.owned(1)["id"]
    before = await kept(graph, application)

    status, body, _ = await graph.set_keys(application, certify().as_credential() | change)

    assert (status, body["error"]["code"]) == (400, code)
    assert await kept(graph, application) == before


async def test_a_certificate_holds_for_a_year_at_most(graph: Applications) -> None:
    application, long = graph.owned(3)["id"], certify(days=800)
    end = datetime.now(UTC) + timedelta(days=500)

    refused, body, _ = await graph.set_keys(
        application, long.as_credential(endDateTime=end.isoformat())
    )
    status, _, _ = await graph.set_keys(application, long.as_credential())

    (made,) = await kept(graph, application)
    assert (refused, body["error"]["details"][0]["target"]) == (400, f"{KEYS}.endDateTime")
    ends = datetime.fromisoformat(made["endDateTime"])
    assert status == 204
    assert timedelta(days=365) < ends - datetime.now(UTC) <= timedelta(days=366)


async def test_two_certificates_cannot_have_one_id(graph: Applications) -> None:
    own = "00000000-0000-4000-8000-00000000abcd"
    keys = [certify().as_credential(keyId=own) for _ in range(2)]

    status, body, _ = await graph.set_keys(graph.owned(3)["id"], *keys)

    assert (status, body["error"]["code"]) == (400, "KeyCredentialsInvalidValue")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"keyCredentials": {}}, "keyCredentials"),
        ({"keyCredentials": ["key"]}, "keyCredentials"),
        ({"passwordCredentials": []}, "addPassword"),
        ({"displayName": "another"}, "displayName"),
    ],
)
async def test_a_patch_changes_certificates_only(
    graph: Applications, body: Document, words: str
) -> None:
    status, refused, _ = await graph.send("PATCH", f"applications/{graph.owned()['id']}", body)

    assert status == 400
    assert words in refused["error"]["message"]


async def test_an_empty_patch_changes_nothing(graph: Applications) -> None:
    application = graph.owned(1)["id"]
    before = await kept(graph, application)

    status, _, _ = await graph.send("PATCH", f"applications/{application}", {})

    assert (status, await kept(graph, application)) == (204, before)


async def test_certificates_may_be_set_and_the_answer_be_lost(
    way: Way, graph: Applications
) -> None:
    application = graph.owned(3)["id"]

    with way.sandbox.control.fault(method="PATCH", after=True, status=503, count=1):
        lost, _, _ = await graph.set_keys(application, certify().as_credential(displayName="lost"))

    assert lost == 503
    assert [one["displayName"] for one in await kept(graph, application)] == ["lost"]


async def test_a_certificate_and_a_secret_at_once_meet(graph: Applications) -> None:
    application = graph.owned(4)["id"]

    answers = await asyncio.gather(
        graph.add(application), graph.set_keys(application, certify().as_credential())
    )

    assert 409 in [status for status, _, _ in answers]
