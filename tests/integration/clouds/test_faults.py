"""Every way in which a vault can fail to answer ends as the right error; none ends in a hang."""

import gzip

import pytest
from aiohttp import web

from shared.clouds import HostGuard
from shared.clouds.client import get
from shared.clouds.errors import (
    AccessDeniedError,
    CloudError,
    FirewalledError,
    NotFoundError,
    ThrottledError,
    TimedOutError,
    UnavailableError,
    UnexpectedAnswerError,
    UnresolvedError,
)
from tests.support.clouds import (
    Adapters,
    Answer,
    LocalCloud,
    hangs,
    holds_no_secret,
    listing,
    note_waits,
    resets,
    says,
)

QUOTA_WINDOW_SECONDS = 10
MOMENT = "Mon, 23 Nov 2026 18:00:0{} GMT"
ROW = {"id": "https://kv-1.vault.sandbox.localhost/secrets/a", "attributes": {"enabled": True}}


@pytest.fixture(autouse=True, params=["with a token at hand", "without a token"])
async def the_token(request: pytest.FixtureRequest, adapters: Adapters, cloud: LocalCloud) -> None:
    """A first attempt is made another way when its token is at hand; it must not show."""
    if request.param == "with a token at hand":
        await adapters.credential.get_token_info(cloud.settings.vault_scope)


def forbidden(inner: str) -> Answer:
    error = {"code": "Forbidden", "message": "m", "innererror": {"code": inner}}
    return says({"error": error}, status=403)


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ({"Retry-After": "2"}, 2.0, 2.0),
        ({"retry-after-ms": "1500"}, 1.5, 1.5),
        ({"x-ms-retry-after-ms": "700"}, 0.7, 0.7),
        ({"Retry-After": MOMENT.format(5), "Date": MOMENT.format(0)}, 5.0, 5.0),
        ({}, 1.0, 1.25),
        ({"Retry-After": "soon"}, 1.0, 1.25),
        ({"Retry-After": "0"}, 1.0, 1.25),
        ({"Retry-After": "-3"}, 1.0, 1.25),
    ],
)
async def test_a_throttled_request_waits_as_it_is_told_and_goes_on(
    cloud: LocalCloud,
    adapters: Adapters,
    waits: list[float],
    headers: dict[str, str],
    least: float,
    most: float,
) -> None:
    cloud.on("/secrets", says({}, status=429, headers=headers), listing(ROW))

    assert len(await adapters.read(cloud)) == 1
    (wait,) = waits
    assert least <= wait <= most


@pytest.mark.parametrize("after", ["600", "inf", "Sun, 23 Nov 2098 18:00:00 GMT"])
async def test_a_wait_too_long_to_sit_out_is_handed_on(
    cloud: LocalCloud, adapters: Adapters, waits: list[float], after: str
) -> None:
    cloud.on("/secrets", says({}, status=429, headers={"Retry-After": after}))

    with pytest.raises(ThrottledError) as throttled:
        await adapters.read(cloud)

    assert throttled.value.retry_after in {600.0, 3600.0}
    assert waits == []
    assert len(cloud.seen) == 1


async def test_waits_after_429_are_those_of_azures_guidance_and_never_shorter(
    cloud: LocalCloud, adapters: Adapters, waits: list[float]
) -> None:
    cloud.on("/secrets", says({}, status=429))

    with pytest.raises(ThrottledError):
        await adapters.read(cloud)

    assert len(waits) == 4
    for wait, least in zip(waits, (1, 2, 4, 8), strict=True):
        assert least <= wait <= least * 1.25


async def test_a_failure_between_two_429_does_not_begin_their_waits_anew(
    cloud: LocalCloud, adapters: Adapters, waits: list[float]
) -> None:
    slow, broken = says({}, status=429), says({}, status=500)
    cloud.on("/secrets", slow, broken, slow, listing(ROW))

    assert len(await adapters.read(cloud)) == 1

    first, between, second = waits
    assert first >= 1
    assert between < 1
    assert second >= 2


async def test_a_listing_outlives_one_whole_window_of_a_vaults_quota(
    cloud: LocalCloud, adapters: Adapters, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The quota was used up by others just now, and Azure names no wait."""
    passed: list[float] = []
    note_waits(monkeypatch, and_then=passed.append)

    async def until_the_window_is_over(request: web.Request) -> web.StreamResponse:
        answer = listing(ROW) if sum(passed) >= QUOTA_WINDOW_SECONDS else says({}, status=429)
        return await answer(request)

    cloud.on("/secrets", until_the_window_is_over)

    assert len(await adapters.read(cloud)) == 1


async def test_waits_grow_and_end(
    cloud: LocalCloud, adapters: Adapters, waits: list[float]
) -> None:
    cloud.on("/secrets", says({}, status=503))

    with pytest.raises(UnavailableError):
        await adapters.read(cloud)

    assert len(cloud.seen) == 4
    assert len(waits) == 3
    assert waits[0] < waits[1] < waits[2]


@pytest.mark.parametrize(
    ("answer", "kind", "requests"),
    [
        (says({}, status=429), ThrottledError, 5),
        (says({}, status=429, headers={"Retry-After": "1"}), ThrottledError, 5),
        (says({}, status=500), UnavailableError, 4),
        (says({}, status=503, headers={"Retry-After": "1"}), UnavailableError, 4),
        (resets, UnavailableError, None),
        (forbidden("ForbiddenByRbac"), AccessDeniedError, 1),
        (forbidden("ForbiddenByPolicy"), AccessDeniedError, 1),
        (forbidden("ForbiddenByFirewall"), FirewalledError, 1),
        (says({"error": {"code": "VaultNotFound"}}, status=404), NotFoundError, 1),
        (says({}, status=400), UnexpectedAnswerError, 1),
        (
            says(status=302, headers={"Location": "https://kv-2.vault.sandbox.localhost/keys"}),
            UnexpectedAnswerError,
            1,
        ),
        (says(b'{"value": ['), UnexpectedAnswerError, 1),
        (says(b"<html>sign in</html>"), UnexpectedAnswerError, 1),
        (says(b""), UnexpectedAnswerError, 1),
        (says(b"\xff\xfe"), UnexpectedAnswerError, 1),
        (says([]), UnexpectedAnswerError, 1),
        (says({}), UnexpectedAnswerError, 1),
        (says({"value": None}), UnexpectedAnswerError, 1),
        (says({"value": {"id": "x"}}), UnexpectedAnswerError, 1),
        (says({"value": ["x"]}), UnexpectedAnswerError, 1),
        (listing({"id": None}), UnexpectedAnswerError, 1),
        (listing({"id": "https://kv-1/keys/a"}), UnexpectedAnswerError, 1),
        (listing({"id": "https://kv-1/secrets/a/b"}), UnexpectedAnswerError, 1),
        (listing({**ROW, "attributes": []}), UnexpectedAnswerError, 1),
        (listing({**ROW, "attributes": {"exp": "tomorrow"}}), UnexpectedAnswerError, 1),
        (listing({**ROW, "tags": {"a": 7}}), UnexpectedAnswerError, 1),
        (listing(ROW, link=7), UnexpectedAnswerError, 1),
        (listing(ROW, link=["x"]), UnexpectedAnswerError, 1),
        (
            says(gzip.compress(b"{}")[:-9], headers={"Content-Encoding": "gzip"}),
            UnexpectedAnswerError,
            1,
        ),
        (says(b"not gzip", headers={"Content-Encoding": "gzip"}), UnexpectedAnswerError, 1),
    ],
)
async def test_each_fault_is_an_error_that_a_person_understands(
    cloud: LocalCloud,
    adapters: Adapters,
    answer: Answer,
    kind: type[CloudError],
    requests: int | None,
) -> None:
    cloud.on("/secrets", answer)

    with pytest.raises(kind) as failed:
        await adapters.read(cloud)

    assert type(failed.value) is kind
    assert failed.value.remedy
    assert "kv-1" in str(failed.value)
    assert requests is None or len(cloud.seen) == requests
    holds_no_secret(failed.value)


async def test_a_vault_that_hangs_is_given_up_after_as_many_tries_as_any_other(
    cloud: LocalCloud, impatient: Adapters
) -> None:
    cloud.on("/secrets", hangs)

    with pytest.raises(TimedOutError, match="kv-1") as failed:
        await impatient.read(cloud)

    assert len(cloud.seen) == 4
    holds_no_secret(failed.value)


async def test_a_name_that_does_not_resolve_says_so(adapters: Adapters) -> None:
    """Without the host guard, so that the resolver itself is asked."""
    client = adapters.client(HostGuard(lambda _: True), total_seconds=5)

    with pytest.raises(UnresolvedError, match=r"kv-1\.vault\.azure\.net could not be resolved"):
        await client.read(get("https://kv-1.vault.azure.net/secrets"), "the secrets of vault kv-1")


async def test_a_certificate_of_another_authority_is_not_trusted(
    cloud: LocalCloud, adapters: Adapters
) -> None:
    """The certificate is valid for `*.vault.sandbox.localhost` only."""
    client = adapters.client(total_seconds=5)

    with pytest.raises(UnexpectedAnswerError, match="is not one to trust"):
        await client.read(
            get(f"https://other.sandbox.localhost:{cloud.settings.port}/x"), "anything"
        )


async def test_the_whole_call_has_a_deadline_whatever_the_retries_do(
    cloud: LocalCloud, adapters: Adapters
) -> None:
    client = adapters.client(total_seconds=0.05)
    cloud.on("/secrets", hangs)

    with pytest.raises(TimedOutError):
        await client.read(get(f"{cloud.vault().uri}secrets"), "the secrets of vault kv-1")
