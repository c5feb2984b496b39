"""Every way in which a vault can fail to answer ends as the right error; none ends in a hang."""

import asyncio
import gzip
import traceback

import pytest
from aiohttp import web

from services.scanner.adapters.key_vault import KeyVaultReader
from services.scanner.domain.inventory import VaultRef
from shared.clouds import CloudClient, HostGuard
from shared.clouds.client import get
from shared.clouds.errors import (
    AccessDeniedError,
    CloudError,
    FirewalledError,
    ForeignHostError,
    NotFoundError,
    ThrottledError,
    TimedOutError,
    UnavailableError,
    UnexpectedAnswerError,
    UnresolvedError,
)
from tests.support.clouds import Adapters, Answer, LocalCloud, Tokens, hangs, listing, resets, says
from tests.support.waiting import eventually

MOMENT = "Mon, 23 Nov 2026 18:00:0{} GMT"
ROW = {"id": "https://kv-1.vault.sandbox.localhost/secrets/a", "attributes": {"enabled": True}}


def forbidden(inner: str) -> Answer:
    error = {"code": "Forbidden", "message": "m", "innererror": {"code": inner}}
    return says({"error": error}, status=403)


async def test_a_page_of_each_list_is_read_on_one_connection(
    cloud: LocalCloud, adapters: Adapters
) -> None:
    cloud.on("/secrets", listing(ROW))

    items = await adapters.read(cloud)

    assert [item.external_id for item in items] == ["secrets/a"]
    assert [seen.path for seen in cloud.seen] == ["/secrets", "/keys", "/certificates"]
    assert len({seen.peer for seen in cloud.seen}) == 1


async def test_a_vaults_connection_is_closed_when_it_was_read_or_left(
    cloud: LocalCloud, adapters: Adapters
) -> None:
    await adapters.read(cloud, "kv-read")
    left = adapters.vaults.items(cloud.vault("kv-left"))
    await anext(left)
    await left.aclose()

    for seen in cloud.seen:
        assert seen.connection
        await eventually(seen.connection.is_closing, seconds=5)


async def test_a_place_in_the_budget_is_waited_for_before_each_page(
    cloud: LocalCloud, adapters: Adapters
) -> None:
    waited: list[tuple[str, int]] = []

    async def pace(vault: VaultRef) -> None:
        waited.append((vault.name, len(cloud.seen)))

    link = f"{cloud.vault().uri}secrets?$skiptoken=b"
    cloud.on("/secrets", listing(link=link), listing())
    reader = KeyVaultReader(adapters.session, adapters.credential, pace=pace)

    _ = [page async for page in reader.items(cloud.vault())]

    assert waited == [("kv-1", 0), ("kv-1", 1), ("kv-1", 2), ("kv-1", 3)]


async def test_the_token_is_sent_at_once(
    cloud: LocalCloud, adapters: Adapters, tokens: Tokens
) -> None:
    await adapters.read(cloud)

    assert {seen.token for seen in cloud.seen} == {"token-canary-1"}
    assert tokens.issued == 1


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ({"Retry-After": "2"}, 2.0, 2.0),
        ({"retry-after-ms": "1500"}, 1.5, 1.5),
        ({"x-ms-retry-after-ms": "700"}, 0.7, 0.7),
        ({"Retry-After": MOMENT.format(5), "Date": MOMENT.format(0)}, 5.0, 5.0),
        ({}, 0.1, 0.4),
        ({"Retry-After": "soon"}, 0.1, 0.4),
        ({"Retry-After": "0"}, 0.1, 0.4),
        ({"Retry-After": "-3"}, 0.1, 0.4),
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
        (says({}, status=429), ThrottledError, 4),
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
    _holds_no_secret(failed.value)


async def test_a_vault_that_hangs_is_given_up_after_as_many_tries_as_any_other(
    cloud: LocalCloud, impatient: Adapters
) -> None:
    cloud.on("/secrets", hangs)

    with pytest.raises(TimedOutError, match="kv-1") as failed:
        await impatient.read(cloud)

    assert len(cloud.seen) == 4
    _holds_no_secret(failed.value)


async def test_a_fault_on_a_later_page_is_never_taken_for_the_end(
    cloud: LocalCloud, adapters: Adapters
) -> None:
    link = f"{cloud.vault().uri}secrets?api-version=7.6&$skiptoken=b"
    cloud.on("/secrets", listing(ROW, link=link), says(b"{"))
    pages = adapters.vaults.items(cloud.vault())

    assert len(await anext(pages)) == 1
    with pytest.raises(UnexpectedAnswerError):
        await anext(pages)


async def test_pages_are_followed_with_and_without_the_default_port(
    cloud: LocalCloud, adapters: Adapters
) -> None:
    uri = cloud.vault().uri
    second, third = (f"{uri}secrets?api-version=7.6&$skiptoken={n}%3D" for n in "bc")
    rows = [{**ROW, "id": f"{uri}secrets/{name}"} for name in "abc"]
    cloud.on(
        "/secrets",
        listing(rows[0], link=second),
        listing(link=third),
        listing(rows[1], rows[2], link=""),
    )

    items = await adapters.read(cloud)

    assert [item.name for item in items] == ["a", "b", "c"]
    assert "skiptoken" in cloud.seen[1].query


async def test_a_listing_that_goes_round_in_a_circle_ends(
    cloud: LocalCloud, adapters: Adapters
) -> None:
    links = [f"{cloud.vault().uri}secrets?$skiptoken={n}" for n in "bc"]
    cloud.on("/secrets", *(listing(ROW, link=links[n % 2]) for n in range(10)))

    with pytest.raises(UnexpectedAnswerError, match="circle"):
        await adapters.read(cloud)

    assert len(cloud.seen) == 3


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example.com/secrets?api-version=7.6",
        "https://kv-2.vault.sandbox.localhost:{port}/secrets?api-version=7.6",
        "https://kv-1.vault.sandbox.localhost:1/secrets?api-version=7.6",
        "http://kv-1.vault.sandbox.localhost:{port}/secrets",
        "https://kv-1.vault.sandbox.localhost:{port}@evil.example.com/secrets",
        "/secrets?api-version=7.6",
        "nonsense",
    ],
)
async def test_a_link_to_another_host_gets_no_token(
    cloud: LocalCloud, adapters: Adapters, link: str
) -> None:
    cloud.on("/secrets", listing(ROW, link=link.format(port=cloud.settings.port)))

    with pytest.raises(ForeignHostError) as failed:
        await adapters.read(cloud)

    assert len(cloud.seen) == 1
    _holds_no_secret(failed.value)


async def test_a_vault_with_a_foreign_address_is_not_contacted(
    cloud: LocalCloud, adapters: Adapters, tokens: Tokens
) -> None:
    vault = cloud.vault()
    foreign = VaultRef(
        resource_id=vault.resource_id,
        name=vault.name,
        uri="https://kv-1.vault.azure.net/",
        subscription_id="s",
        resource_group="g",
        region="r",
        sku="standard",
    )

    with pytest.raises(ForeignHostError, match=r"kv-1\.vault\.azure\.net was not sent"):
        await anext(adapters.vaults.items(foreign))

    assert tokens.issued == 0


async def test_a_name_that_does_not_resolve_says_so(adapters: Adapters) -> None:
    """Without the host guard, so that the resolver itself is asked."""
    client = CloudClient(
        adapters.session.transport(HostGuard(lambda _: True)),
        adapters.credential,
        audience="vault",
        scope="s",
        total_seconds=5,
    )

    with pytest.raises(UnresolvedError, match=r"kv-1\.vault\.azure\.net could not be resolved"):
        await client.read(get("https://kv-1.vault.azure.net/secrets"), "the secrets of vault kv-1")


async def test_a_certificate_of_another_authority_is_not_trusted(
    cloud: LocalCloud, adapters: Adapters
) -> None:
    """The certificate is valid for `*.vault.sandbox.localhost` only."""
    client = CloudClient(
        adapters.session.transport(),
        adapters.credential,
        audience="vault",
        scope="s",
        total_seconds=5,
    )

    with pytest.raises(UnexpectedAnswerError, match="is not one to trust"):
        await client.read(
            get(f"https://other.sandbox.localhost:{cloud.settings.port}/x"), "anything"
        )


async def test_the_whole_call_has_a_deadline_whatever_the_retries_do(
    cloud: LocalCloud, adapters: Adapters
) -> None:
    client = CloudClient(
        adapters.session.transport(),
        adapters.credential,
        audience="vault",
        scope="s",
        total_seconds=0.05,
    )
    cloud.on("/secrets", hangs)

    with pytest.raises(TimedOutError):
        await client.read(get(f"{cloud.vault().uri}secrets"), "the secrets of vault kv-1")


async def test_every_refused_caller_gets_the_same_new_token(
    cloud: LocalCloud, adapters: Adapters, tokens: Tokens
) -> None:
    await adapters.credential.get_token_info(cloud.settings.vault_scope)
    page = listing(ROW)

    async def answer(request: web.Request) -> web.StreamResponse:
        old = request.headers["Authorization"].endswith("-1")
        return await (says({}, status=401) if old else page)(request)

    cloud.on("/secrets", answer)
    found = await asyncio.gather(*(adapters.read(cloud, f"kv-{n}") for n in range(50)))

    assert [len(items) for items in found] == [1] * 50
    assert tokens.issued == 2


async def test_a_vault_that_refuses_every_token_is_asked_twice_and_no_more(
    cloud: LocalCloud, adapters: Adapters, tokens: Tokens
) -> None:
    cloud.on("/secrets", says({"error": {"code": "Unauthorized"}}, status=401))

    for _ in range(5):
        with pytest.raises(AccessDeniedError, match="token"):
            await adapters.read(cloud)

    assert tokens.issued == 2
    assert len(cloud.seen) == 6


async def test_the_same_token_is_not_sent_a_second_time(
    cloud: LocalCloud, adapters: Adapters, tokens: Tokens
) -> None:
    tokens.same = "token-canary-same"
    cloud.on("/secrets", says({}, status=401))

    with pytest.raises(AccessDeniedError):
        await adapters.read(cloud)

    assert len(cloud.seen) == 1


def _holds_no_secret(error: BaseException) -> None:
    """Neither the sentence nor anything that a traceback prints may hold a token."""
    text = "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))
    assert "canary" not in text.replace("canary-text", "")
