"""How often a request is sent, and what each sending passes, until its answer is settled."""

import pytest

from shared.clouds import CloudClient, OpenGate
from shared.clouds.client import get
from shared.clouds.errors import UnavailableError
from tests.support.clouds import Adapters, Answer, LocalCloud, listing, resets, says

THROTTLED = says({}, status=429, headers={"Retry-After": "2"})


class Counted(OpenGate):
    """Notes who passed, and the waits that a 429 named."""

    def __init__(self) -> None:
        self.taken = 0
        self.told: list[float | None] = []

    async def take(self) -> None:
        self.taken += 1

    async def slow_down(self, seconds: float | None) -> None:
        self.told.append(seconds)


@pytest.fixture(params=[True, False], ids=["with a token at hand", "without a token"])
async def asked(
    request: pytest.FixtureRequest, cloud: LocalCloud, adapters: Adapters
) -> tuple[CloudClient, Counted, list[str]]:
    gate, sent = Counted(), list[str]()
    if request.param:
        await adapters.credential.get_token_info(cloud.settings.vault_scope)
    client = adapters.client(gate=gate, on_attempt=sent.append)
    return client, gate, sent


@pytest.mark.parametrize(
    ("answers", "times", "told"),
    [
        ([listing()], 1, []),
        ([THROTTLED, listing()], 2, [2.0]),
        ([THROTTLED, THROTTLED, listing()], 3, [2.0, 2.0]),
        ([says({}, status=503), listing()], 2, []),
        ([resets, listing()], 2, []),
        ([says({}, status=401), listing()], 2, []),
    ],
    ids=["answered", "throttled", "throttled twice", "unavailable", "cut off", "refused once"],
)
async def test_each_sending_takes_one_place_and_is_counted_once(
    cloud: LocalCloud,
    asked: tuple[CloudClient, Counted, list[str]],
    answers: list[Answer],
    times: int,
    told: list[float],
) -> None:
    client, gate, sent = asked
    cloud.on("/keys", *answers)

    await client.read(get(f"{cloud.vault().uri}keys"), "the keys")

    assert (len(cloud.seen), gate.taken, len(sent)) == (times, times, times)
    assert gate.told == told
    assert all(seen.token for seen in cloud.seen)


async def test_a_request_that_never_succeeds_is_sent_four_times(
    cloud: LocalCloud, asked: tuple[CloudClient, Counted, list[str]], waits: list[float]
) -> None:
    client, gate, sent = asked
    cloud.on("/keys", says({}, status=503))

    with pytest.raises(UnavailableError):
        await client.read(get(f"{cloud.vault().uri}keys"), "the keys")

    assert (len(cloud.seen), gate.taken, len(sent), len(waits)) == (4, 4, 4, 3)


async def test_each_request_says_who_sends_it_under_an_id_that_its_repetitions_keep(
    cloud: LocalCloud, asked: tuple[CloudClient, Counted, list[str]]
) -> None:
    client, _, _ = asked
    cloud.on("/keys", says({}, status=503), listing())
    address = f"{cloud.vault().uri}keys"

    await client.read(get(address), "the keys")
    await client.read(get(address), "the keys")

    first, repeated, other = (seen.headers for seen in cloud.seen)
    assert all("certifyclouds" in headers["User-Agent"] for headers in (first, repeated, other))
    name = "x-ms-client-request-id"
    assert first[name] == repeated[name] != other[name]
