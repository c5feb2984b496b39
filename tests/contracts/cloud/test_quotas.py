"""Quotas, counters and spoiled answers of the sandbox, as plain requests meet them."""

from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest

from tests.support.sandbox import Way

SECRETS = r"^/secrets$"


@pytest.fixture(autouse=True)
def usual_quotas(way: Way) -> Iterator[None]:
    yield
    way.sandbox.control.clear_counters()
    way.sandbox.control.limit(vault=4_000, subscription=20_000, seconds=10)
    way.sandbox.control.clear_faults()


@pytest.fixture
def vault(way: Way) -> dict[str, Any]:
    """A vault with more than one page of secrets."""
    return way.sandbox.vault(
        lambda v: all(v["readableBy"]["discover"].values()) and len(v["secrets"]) > 50
    )


@pytest.fixture
def url(way: Way, vault: dict[str, Any]) -> str:
    return f"{way.sandbox.url(vault)}/secrets?api-version=7.6"


async def test_one_request_too_many_is_refused_in_the_services_words(way: Way, url: str) -> None:
    token = await way.token("vault")
    way.sandbox.control.clear_counters()
    way.sandbox.control.limit(vault=2, seconds=60)

    answers = [await way.get(url, token) for _ in range(3)]

    assert [status for status, _, _ in answers] == [200, 200, 429]
    _, body, headers = answers[-1]
    assert body["error"] == {
        "code": "Throttled",
        "message": "Request was not processed because too many requests were received. Reason:"
        " VaultRequestTypeLimitReached",
    }
    assert "Retry-After" not in headers
    assert headers["x-ms-keyvault-region"]


async def test_the_vaults_of_a_subscription_and_region_share_a_quota_and_are_counted(
    way: Way, vault: dict[str, Any], url: str
) -> None:
    token = await way.token("vault")
    way.sandbox.control.clear_counters()
    way.sandbox.control.limit(subscription=2, seconds=60)

    statuses = [(await way.get(url, token))[0] for _ in range(4)]

    assert statuses == [200, 200, 429, 429]
    counters = way.sandbox.control.counters()
    [place] = {(each["subscription_id"], each["region"]) for each in counters}
    assert place == (vault["id"].split("/")[2], vault["location"])
    assert sum(each["served"] for each in counters) == 2
    assert sum(each["throttled"] for each in counters) == 2


async def test_a_fault_may_change_the_tenant_before_the_request_is_answered(
    way: Way, vault: dict[str, Any], url: str
) -> None:
    token, control = await way.token("vault"), way.sandbox.control
    firewalled = {"vaults": [{"vault": vault["name"], "firewall": "selected-networks"}]}
    with control.fault(path=SECRETS, query="skiptoken", first=firewalled):
        first, body, _ = await way.get(url, token)
        second, refused, _ = await way.get(body["nextLink"], token)
    control.change("vaults", vault=vault["name"], firewall="open")

    assert (first, second) == (200, 403)
    assert refused["error"]["innererror"] == {"code": "ForbiddenByFirewall"}


async def test_a_deleted_vault_is_gone_everywhere_and_comes_back_whole(
    way: Way, vault: dict[str, Any], url: str
) -> None:
    token, control = await way.token("vault"), way.sandbox.control
    control.change("vaults", vault=vault["name"], deleted=True)
    gone, _, _ = await way.get(url, token)
    names = {each["name"] for each in control.truth()["vaults"]}
    control.change("vaults", vault=vault["name"], deleted=False)

    assert gone == 404
    assert vault["name"] not in names
    assert control.vault(vault["name"])["secrets"] == vault["secrets"]


async def test_rights_that_were_taken_are_refused(
    way: Way, vault: dict[str, Any], url: str
) -> None:
    token, control = await way.token("vault"), way.sandbox.control
    control.change("vaults", vault=vault["name"], denied=True)
    refused, _, _ = await way.get(url, token)
    control.change("vaults", vault=vault["name"], denied=False)

    assert (refused, (await way.get(url, token))[0]) == (403, 200)


@pytest.mark.parametrize("how", ["lost-link", "repeated", "wrong-types"])
async def test_an_answer_may_be_json_and_still_not_true(way: Way, url: str, how: str) -> None:
    token = await way.token("vault")
    with way.sandbox.control.fault(path=SECRETS, spoil=how):
        status, body, _ = await way.get(url, token)

    assert status == 200
    assert {
        "lost-link": body["nextLink"] is None,
        "repeated": len(body["value"]) == 26,
        "wrong-types": not isinstance(body["value"], list),
    }[how]


@pytest.mark.parametrize("how", ["not-json", "short-length", "truncated"])
async def test_an_answer_may_be_cut(way: Way, url: str, how: str) -> None:
    token = await way.token("vault")
    with (
        way.sandbox.control.fault(path=SECRETS, spoil=how),
        pytest.raises((ValueError, aiohttp.ClientError)),
    ):
        await way.get(url, token)


async def test_a_trickling_answer_arrives_whole_and_one_may_leave_it(way: Way, url: str) -> None:
    token = await way.token("vault")
    with way.sandbox.control.fault(path=SECRETS, trickle_seconds=0.00001):
        status, body, _ = await way.get(url, token)
    assert (status, len(body["value"])) == (200, 25)

    limit = aiohttp.ClientTimeout(total=0.3)
    headers = {"Authorization": f"Bearer {token}"}
    with (
        way.sandbox.control.fault(path=SECRETS, trickle_seconds=5),
        pytest.raises(TimeoutError),
    ):
        async with way.session.get(url, headers=headers, timeout=limit) as answer:
            await answer.read()


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "quotas", {"vault": 0}),
        ("PUT", "quotas", {"seconds": -1}),
        ("POST", "vaults", {"vault": "kv-nobody"}),
        ("POST", "vaults", {"vault": "x", "firewall": "ajar"}),
        ("POST", "faults", {"path": "x", "spoil": "nicely"}),
        ("POST", "faults", {"path": "x", "first": {"moon": 1}}),
    ],
)
async def test_nonsense_is_refused_with_a_sentence(
    way: Way, method: str, path: str, body: dict[str, Any]
) -> None:
    status, sentence = way.sandbox.control.refusal(method, path, body)

    assert status == 400
    assert sentence
