"""Faults that the control endpoint switches on, as Azure's own clients meet them."""

from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest
from azure.core.exceptions import HttpResponseError, ServiceRequestError, ServiceResponseError
from azure.keyvault.secrets.aio import SecretClient

from tests.support.sandbox import Way

SECRETS = r"^/secrets$"


@pytest.fixture
def vault_url(way: Way) -> str:
    return way.sandbox.url(way.sandbox.vault(lambda v: v["readableBy"]["rotate"]["secrets"]))


@pytest.fixture
async def client(way: Way, vault_url: str) -> AsyncIterator[SecretClient]:
    async with (
        way.identity("rotate") as identity,
        SecretClient(vault_url, identity, transport=way.transport()) as found,
    ):
        yield found


@pytest.fixture(autouse=True)
def no_fault_stays(way: Way) -> Iterator[None]:
    way.sandbox.control.clear_log()
    yield
    way.sandbox.control.clear_faults()


async def names(client: SecretClient) -> list[str | None]:
    return [item.name async for item in client.list_properties_of_secrets()]


async def test_a_throttled_request_is_repeated_when_the_service_says(
    way: Way, client: SecretClient
) -> None:
    rule = {"path": SECRETS, "status": 429, "count": 2, "headers": {"Retry-After": "0"}}

    with way.sandbox.control.fault(**rule):
        assert await names(client)

    statuses = [entry["status"] for entry in way.sandbox.control.log(path="/secrets")]
    assert statuses[:3] == [401, 429, 429] or statuses[:2] == [429, 429]
    assert statuses[-1] == 200


async def test_a_fault_meets_only_whom_it_names(way: Way, vault_url: str) -> None:
    url = f"{vault_url}/secrets?api-version=7.6"
    with way.sandbox.control.fault(identity="^discover$", method="GET", status=503):
        discover, _, _ = await way.get(url, await way.token("vault"))
        rotate, _, _ = await way.get(url, await way.token("vault", "rotate"))

    assert (discover, rotate) == (503, 200)


async def test_a_reset_connection_is_repeated(way: Way, client: SecretClient) -> None:
    with way.sandbox.control.fault(path=SECRETS, reset=True, count=1):
        assert await names(client)

    assert 0 in [entry["status"] for entry in way.sandbox.control.log(path="/secrets")]


async def test_a_connection_that_is_always_reset_is_an_error(
    way: Way, client: SecretClient
) -> None:
    client._client._config.retry_policy.total_retries = 0
    with (
        way.sandbox.control.fault(path="^/secrets/", reset=True),
        pytest.raises((ServiceRequestError, ServiceResponseError)),
    ):
        await client.get_secret("any", retry_total=0)


async def test_a_write_may_take_effect_and_its_answer_be_lost(
    way: Way, client: SecretClient
) -> None:
    rule = {"path": "^/secrets/lost$", "method": "PUT", "after": True, "status": 500, "count": 1}
    with way.sandbox.control.fault(**rule), pytest.raises(HttpResponseError):
        await client.set_secret("lost", "value", retry_total=0)

    assert (await client.get_secret("lost")).value == "value"


async def test_a_lost_answer_may_also_be_a_reset(way: Way, client: SecretClient) -> None:
    rule = {"path": "^/secrets/reset$", "method": "PUT", "after": True, "reset": True}
    with (
        way.sandbox.control.fault(**rule),
        pytest.raises((ServiceRequestError, ServiceResponseError)),
    ):
        await client.set_secret("reset", "value", retry_total=0)

    assert (await client.get_secret("reset")).value == "value"


async def test_a_hanging_service_is_left_when_the_client_gives_up(way: Way, vault_url: str) -> None:
    token = await way.token("vault")
    limit = aiohttp.ClientTimeout(total=0.3)
    with way.sandbox.control.fault(path=SECRETS, hang=True), pytest.raises(TimeoutError):
        async with way.session.get(
            f"{vault_url}/secrets", headers={"Authorization": f"Bearer {token}"}, timeout=limit
        ):
            pass

    assert (await way.get(f"{vault_url}/secrets?api-version=7.6", token))[0] == 200


async def test_latency_delays_the_true_answer(way: Way, vault_url: str) -> None:
    token = await way.token("vault")
    with way.sandbox.control.fault(path=SECRETS, latency_seconds=0.05) as number:
        status, body, _ = await way.get(f"{vault_url}/secrets?api-version=7.6", token)
        hits = {fault["id"]: fault["hits"] for fault in way.sandbox.control.faults()}

    assert (status, hits[number]) == (200, 1)
    assert body["value"]


async def test_the_log_says_who_asked_for_what_and_what_came_of_it(
    way: Way, vault_url: str
) -> None:
    token = await way.token("vault")
    way.sandbox.control.clear_log()

    await way.get(f"{vault_url}/secrets?api-version=7.6", token, **{"User-Agent": "a test"})
    await way.get(f"{vault_url}/keys?api-version=7.6")

    first, second = way.sandbox.control.log()
    discover = way.ready["identities"]["discover"]["object_id"]
    assert (first["object_id"], first["identity"], first["status"]) == (discover, "discover", 200)
    assert (first["method"], first["path"]) == ("GET", "/secrets")
    assert first["query"] == "api-version=7.6"
    assert first["user_agent"] == "a test"
    assert vault_url.endswith(first["host"])
    assert (second["identity"], second["status"]) == (None, 401)
    assert token not in str(way.sandbox.control.log())


async def test_a_token_request_is_logged_with_whom_it_was_for(way: Way) -> None:
    way.sandbox.control.clear_log()

    await way.token("vault", "sync")

    (entry,) = way.sandbox.control.log()
    assert (entry["path"], entry["identity"]) == ("/msi/token", "sync")
