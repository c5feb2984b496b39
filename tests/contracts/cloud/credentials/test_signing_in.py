"""Signing in as an application whose credentials change: who is let in, from when, until when."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta

import pytest
from azure.core.exceptions import ClientAuthenticationError

from tests.support.rotated import JWT_BEARER, Applications, Certified, certify, sign_in
from tests.support.sandbox import Document, Way

DAY = 86_400


async def refusal(way: Way, app_id: str, proof: str | Certified) -> str:
    """Return the error's words."""
    with pytest.raises(ClientAuthenticationError) as refused:
        await sign_in(way, app_id, proof)
    return str(refused.value)


async def test_a_new_secret_opens_the_door_only_after_the_delay(
    way: Way, graph: Applications
) -> None:
    application, control = graph.owned(), way.sandbox.control
    with control.replication(token_seconds=600):
        _, made, _ = await graph.add(application["id"])
    assert made["keyId"] in await graph.ids(application["id"])

    early = await refusal(way, application["appId"], made["secretText"])
    with control.moved_clock(599 - 60):
        still_early = await refusal(way, application["appId"], made["secretText"])
    with control.moved_clock(600):
        await sign_in(way, application["appId"], made["secretText"])

    assert "AADSTS7000215" in early
    assert "AADSTS7000215" in still_early


async def test_a_removed_secret_opens_the_door_until_the_delay_is_over(
    way: Way, graph: Applications
) -> None:
    application, control = graph.owned(), way.sandbox.control
    _, made, _ = await graph.add(application["id"])
    with control.replication(token_seconds=600):
        await graph.remove(application["id"], made["keyId"])
    assert made["keyId"] not in await graph.ids(application["id"])

    await sign_in(way, application["appId"], made["secretText"])
    with control.moved_clock(600):
        late = await refusal(way, application["appId"], made["secretText"])

    assert "AADSTS7000215" in late


async def test_reads_lag_behind_writes_by_so_many_reads(way: Way, graph: Applications) -> None:
    application = graph.owned(1)
    before = await graph.ids(application["id"])
    with way.sandbox.control.replication(stale_reads=2):
        _, made, _ = await graph.add(application["id"])

    seen = [await graph.ids(application["id"]) for _ in range(3)]
    with way.sandbox.control.replication(stale_reads=2):
        await graph.remove(application["id"], made["keyId"])
    listed = await graph.read("applications?$top=999&$select=id,passwordCredentials")
    again = [await graph.ids(application["id"]) for _ in range(2)]

    assert seen == [before, before, [*before, made["keyId"]]]
    row = next(each for each in listed["value"] if each["id"] == application["id"])
    assert made["keyId"] in [one["keyId"] for one in row["passwordCredentials"]]
    assert again == [[*before, made["keyId"]], before]


async def test_the_token_endpoint_and_the_truth_do_not_lag_with_the_reads(
    way: Way, graph: Applications
) -> None:
    application = graph.owned(1)
    with way.sandbox.control.replication(stale_reads=5):
        _, made, _ = await graph.add(application["id"])

    await sign_in(way, application["appId"], made["secretText"])
    truth = way.sandbox.control.truth()["applications"]
    held = next(each for each in truth if each["id"] == application["id"])
    assert made["keyId"] in [one["keyId"] for one in held["passwordCredentials"]]
    for _ in range(5):
        await graph.ids(application["id"])


async def test_a_removed_certificate_is_honoured_and_shown_until_the_delays_are_over(
    way: Way, graph: Applications
) -> None:
    application, certified = graph.owned(4), certify()
    await graph.set_keys(application["id"], certified.as_credential())
    with way.sandbox.control.replication(token_seconds=300, stale_reads=1):
        await graph.set_keys(application["id"])

    first = await graph.ids(application["id"], "keyCredentials")
    second = await graph.ids(application["id"], "keyCredentials")
    await sign_in(way, application["appId"], certified)
    with way.sandbox.control.moved_clock(300):
        late = await refusal(way, application["appId"], certified)

    assert (len(first), second) == (1, [])
    assert "AADSTS700027" in late


async def test_an_expired_secret_says_that_it_is_expired(way: Way, graph: Applications) -> None:
    application = graph.owned()
    end = datetime.now(UTC) + timedelta(days=2)
    _, made, _ = await graph.add(application["id"], endDateTime=end.isoformat())

    await sign_in(way, application["appId"], made["secretText"])
    with way.sandbox.control.moved_clock(2 * DAY + 60):
        words = await refusal(way, application["appId"], made["secretText"])

    assert "AADSTS7000222" in words
    assert made["secretText"] not in words


async def test_a_secret_that_is_not_valid_yet_is_no_secret(way: Way, graph: Applications) -> None:
    application = graph.owned()
    start = datetime.now(UTC) + timedelta(days=2)
    _, made, _ = await graph.add(application["id"], startDateTime=start.isoformat())

    words = await refusal(way, application["appId"], made["secretText"])
    with way.sandbox.control.moved_clock(2 * DAY + 60):
        await sign_in(way, application["appId"], made["secretText"])

    assert "AADSTS7000215" in words


async def test_a_disabled_application_lets_nobody_in(way: Way, graph: Applications) -> None:
    application, control = graph.owned(), way.sandbox.control
    _, made, _ = await graph.add(application["id"])

    control.change("applications", application=application["id"], enabled=False)
    try:
        words = await refusal(way, application["appId"], made["secretText"])
    finally:
        control.change("applications", application=application["id"], enabled=True)

    assert "AADSTS7000112" in words
    await sign_in(way, application["appId"], made["secretText"])


async def test_a_certificate_opens_the_door_as_long_as_it_is_registered(
    way: Way, graph: Applications
) -> None:
    application, certified = graph.owned(3), certify()
    unknown = await refusal(way, application["appId"], certified)

    await graph.set_keys(application["id"], certified.as_credential())
    claims = await sign_in(way, application["appId"], certified)
    await graph.set_keys(application["id"])
    gone = await refusal(way, application["appId"], certified)

    assert (claims["appid"], claims["appidacr"]) == (application["appId"], "2")
    for words in (unknown, gone):
        assert "AADSTS700027" in words
        assert "The key was not found" in words


class Door:
    """The token endpoint, asked with an assertion of one's own making."""

    def __init__(self, way: Way, app_id: str, certified: Certified) -> None:
        self.way, self.app_id, self.certified = way, app_id, certified
        self.url = f"{way.ready['login']}/{way.ready['tenant_id']}/oauth2/v2.0/token"

    async def ask(self, assertion: str, **changed: str) -> tuple[int, Document]:
        form = {
            "grant_type": "client_credentials",
            "client_id": self.app_id,
            "scope": self.way.scope("graph"),
            "client_assertion_type": JWT_BEARER,
            "client_assertion": assertion,
        }
        async with self.way.session.post(self.url, data=form | changed) as answer:
            return answer.status, await answer.json()

    async def code(self, **assertion: object) -> int:
        """Return the error's code; 0 where a token was given."""
        header = assertion.pop("header", None)
        assert header is None or isinstance(header, Mapping)
        algorithm = str(assertion.pop("algorithm", "PS256"))
        made = self.certified.assertion(
            self.app_id,
            str(assertion.pop("aud", self.url)),
            algorithm=algorithm,
            header=header,
            **assertion,
        )
        status, body = await self.ask(made)
        assert status in (200, 401), body
        found: int = body.get("error_codes", [0])[0]
        assert status == 200 or body["error"] == "invalid_client"
        return found


@pytest.fixture
async def door(way: Way, graph: Applications) -> AsyncIterator[Door]:
    application, certified = graph.owned(3), certify()
    await graph.set_keys(application["id"], certified.as_credential())
    yield Door(way, application["appId"], certified)
    await graph.set_keys(application["id"])


async def test_both_algorithms_and_both_thumbprints_are_taken(door: Door) -> None:
    sha1 = {"x5t": door.certified.x5t}

    assert await door.code() == 0
    assert await door.code(algorithm="RS256") == 0
    assert await door.code(algorithm="RS256", header=sha1) == 0
    tenant = door.url.removesuffix("/oauth2/v2.0/token")
    assert await door.code(aud=f"{tenant}/v2.0") == 0


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"aud": "https://elsewhere.example/"}, 700023),
        ({"iss": "another"}, 700021),
        ({"sub": "another"}, 700021),
        ({"exp": 1_000_000_000}, 700024),
        ({"nbf": 4_000_000_000}, 700024),
        ({"exp": 10**30, "nbf": 10**29}, 700024),
        ({"exp": None}, 50027),
        ({"nbf": "now"}, 50027),
        ({"header": {}}, 5002723),
        ({"header": {"x5t": "!"}}, 5002723),
        ({"header": {"x5t#S256": "AAAA"}}, 700027),
    ],
)
async def test_each_thing_wrong_with_an_assertion_has_its_code(
    door: Door, changed: Document, code: int
) -> None:
    assert await door.code(**changed) == code


async def test_an_assertion_must_be_signed_by_the_certificate_that_it_names(door: Door) -> None:
    other = Certified(door.certified.certificate, certify().key)
    by_another = other.assertion(door.app_id, door.url)
    right = door.certified.assertion(door.app_id, door.url)
    changed = ".".join([*by_another.split(".")[:2], right.split(".")[2]])

    for forged in (by_another, changed):
        status, body = await door.ask(forged)
        assert (status, body["error_codes"]) == (401, [700027])
        assert "did not match the expected signature value" in body["error_description"]


@pytest.mark.parametrize(
    ("assertion", "code"),
    [
        ("rubbish", 50027),
        ("a.b.c", 50027),
        ("eyJhbGciOiJub25lIn0.e30.", 5002738),
        ("eyJhbGciOiJIUzI1NiJ9.e30.AAAA", 5002738),
    ],
)
async def test_what_is_no_signed_assertion_is_refused(
    door: Door, assertion: str, code: int
) -> None:
    status, body = await door.ask(assertion)

    assert (status, body["error_codes"]) == (401, [code])


async def test_the_kind_of_assertion_must_be_named(door: Door) -> None:
    made = door.certified.assertion(door.app_id, door.url)

    status, body = await door.ask(made, client_assertion_type="saml")

    assert (status, body["error_codes"]) == (400, [900144])


async def test_a_certificate_past_its_end_says_so(way: Way, door: Door) -> None:
    with way.sandbox.control.moved_clock(91 * DAY):
        code = await door.code(exp=4_000_000_000)
        _, body = await door.ask(door.certified.assertion(door.app_id, door.url))

    assert code == 700027
    assert "The key used is expired" in body["error_description"]
