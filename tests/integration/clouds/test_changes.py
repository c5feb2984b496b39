"""A request that changes something is sent once, whatever comes of it."""

import logging
from collections.abc import Callable

import pytest
from azure.core.rest import HttpRequest

from shared.clouds import HostGuard, SingleFlightCredential, Timeouts, open_session
from shared.clouds.client import CloudClient
from shared.clouds.deeds import ADD, ROTATOR, Deed
from shared.clouds.errors import AccessDeniedError, CloudError, TimedOutError, UnavailableError
from tests.support.clouds import Adapters, Answer, LocalCloud, Tokens, hangs, resets, says

PATH = "/v1.0/applications/a/addPassword"
DEED = Deed("a client secret of application a", ADD, ROTATOR, inside="application a")
SECRET = {"keyId": "k", "secretText": "canary-value"}
SECONDS = 20.0


def request(cloud: LocalCloud) -> HttpRequest:
    return HttpRequest("POST", f"{cloud.settings.graph}{PATH}", json={"displayName": "canary-name"})


def client_of(adapters: Adapters) -> CloudClient:
    settings = adapters.session.cloud
    return CloudClient(
        adapters.session.transport(HostGuard(settings.owns_graph)),
        adapters.credential,
        audience="graph",
        scope=settings.graph_scope,
        total_seconds=SECONDS,
    )


@pytest.fixture(params=["first", "later"])
async def client(
    request: pytest.FixtureRequest, cloud: LocalCloud, adapters: Adapters
) -> CloudClient:
    """A client before its first token, and one that has it and takes the short way."""
    found = client_of(adapters)
    if request.param == "later":
        cloud.on("/v1.0/warm", says({}))
        await found.change(HttpRequest("GET", f"{cloud.settings.graph}/v1.0/warm"), "x", seconds=9)
        cloud.seen.clear()
    return found


@pytest.mark.parametrize("status", [200, 204, 400, 404, 409, 429, 500, 503, 504])
async def test_whatever_answers_a_change_is_returned_and_nothing_is_sent_again(
    cloud: LocalCloud, client: CloudClient, status: int
) -> None:
    body = None if status == 204 else SECRET
    cloud.on(PATH, says(body, status=status, headers={"Retry-After": "1"}))

    answer = await client.change(request(cloud), DEED, seconds=SECONDS)

    assert answer.status == status
    assert [(seen.method, seen.path) for seen in cloud.seen] == [("POST", PATH)]


async def test_only_a_refused_token_is_followed_by_another_try_with_a_new_one(
    cloud: LocalCloud, client: CloudClient, tokens: Tokens
) -> None:
    cloud.on(PATH, says(status=401), says(SECRET))

    answer = await client.change(request(cloud), DEED, seconds=SECONDS)

    assert answer.status == 200
    assert len({seen.token for seen in cloud.seen}) == len(cloud.seen) == 2
    assert tokens.issued == 2


@pytest.mark.parametrize(
    ("answer", "kind", "sentence"),
    [
        (resets, UnavailableError, "The connection to graph.sandbox.localhost failed"),
        (hangs, TimedOutError, "graph.sandbox.localhost did not answer in time"),
    ],
)
async def test_an_answer_that_is_lost_is_not_asked_for_again(
    cloud: LocalCloud, client: CloudClient, answer: Answer, kind: type[CloudError], sentence: str
) -> None:
    cloud.on(PATH, answer)

    with pytest.raises(kind) as failed:
        await client.change(request(cloud), DEED, seconds=0.3)

    assert len(cloud.seen) == 1
    assert (
        str(failed.value) == f"{sentence}, so a client secret of application a could not be added."
    )


@pytest.mark.parametrize(
    "fail",
    [
        lambda cloud: cloud.on(PATH, resets),
        lambda cloud: cloud.on(PATH, says(b'{"secretText": "canary-value"')),
        lambda cloud: cloud.on(PATH, says(b'["canary-value"]')),
        lambda cloud: cloud.on(PATH, says(SECRET, status=403)),
    ],
)
async def test_nothing_of_the_request_or_the_answer_hangs_on_an_error(
    cloud: LocalCloud,
    client: CloudClient,
    fail: Callable[[LocalCloud], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    fail(cloud)

    with pytest.raises(CloudError) as failed:
        await client.read(request(cloud), DEED)

    assert failed.value.__cause__ is None
    assert failed.value.__context__ is None
    assert "canary" not in repr(failed.value) + repr(vars(failed.value)) + caplog.text


async def test_an_identity_without_the_permission_is_told_what_rotating_needs(
    cloud: LocalCloud, client: CloudClient
) -> None:
    denied = {"error": {"code": "Authorization_RequestDenied", "message": "canary-text"}}
    cloud.on(PATH, says(denied, status=403))

    answer = await client.change(request(cloud), DEED, seconds=SECONDS)
    error = client.refused(answer, DEED)

    assert isinstance(error, AccessDeniedError)
    assert str(error) == (
        "No role of this identity allows it to add a client secret of application a."
    )
    assert "Application.ReadWrite.OwnedBy" in error.remedy
    assert "discovers" not in error.remedy


async def test_a_change_has_its_own_deadline_whatever_reads_are_given(
    cloud: LocalCloud, tokens: Tokens
) -> None:
    cloud.on(PATH, hangs)
    timeouts = Timeouts(connect=10, read=3_600, total=3_600)
    async with (
        open_session(cloud.settings, timeouts=timeouts) as session,
        SingleFlightCredential(tokens) as credential,
    ):
        client = CloudClient(
            session.transport(),
            credential,
            audience="graph",
            scope=cloud.settings.graph_scope,
            total_seconds=timeouts.total,
        )
        with pytest.raises(TimedOutError):
            await client.change(request(cloud), DEED, seconds=0.2)
