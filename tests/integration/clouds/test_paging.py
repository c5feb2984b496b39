"""A vault's lists are followed to their end, on one connection, and nowhere else."""

import asyncio

import pytest

from services.scanner.adapters.key_vault import KeyVaultReader
from shared.clouds import paging
from shared.clouds.client import get
from shared.clouds.errors import ForeignHostError, UnexpectedAnswerError
from tests.support.clouds import Adapters, LocalCloud, holds_no_secret, listing, says
from tests.support.waiting import eventually

ROW = {"id": "https://kv-1.vault.sandbox.localhost/secrets/a", "attributes": {"enabled": True}}


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


class Counting:
    """A gate that notes how many requests had been sent when it was asked, and what it heard."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.cloud = cloud
        self.asked: list[int] = []
        self.heard: list[float | None] = []

    async def take(self) -> None:
        self.asked.append(len(self.cloud.seen))

    async def slow_down(self, seconds: float | None) -> None:
        self.heard.append(seconds)


async def read_through(gate: Counting, cloud: LocalCloud, adapters: Adapters) -> None:
    reader = KeyVaultReader(adapters.session, adapters.credential, gate=lambda _: gate)
    _ = [page async for page in reader.items(cloud.vault())]


async def test_a_place_in_the_budget_is_waited_for_before_each_page(
    cloud: LocalCloud, adapters: Adapters
) -> None:
    gate = Counting(cloud)
    link = f"{cloud.vault().uri}secrets?$skiptoken=b"
    cloud.on("/secrets", listing(link=link), listing())

    await read_through(gate, cloud, adapters)

    assert gate.asked == [0, 1, 2, 3]


async def test_every_repeated_request_takes_a_place_of_its_own(
    cloud: LocalCloud, adapters: Adapters
) -> None:
    gate = Counting(cloud)
    cloud.on("/secrets", says({}, status=503), says({}, status=401), listing())

    await read_through(gate, cloud, adapters)

    assert gate.asked == [0, 1, 2, 3, 4]
    assert gate.heard == []


async def test_every_request_to_slow_down_is_heard_whatever_comes_of_the_vault(
    cloud: LocalCloud, adapters: Adapters
) -> None:
    gate = Counting(cloud)
    cloud.on(
        "/secrets",
        says({}, status=429, headers={"Retry-After": "2"}),
        says({}, status=429, headers={"retry-after-ms": "1500"}),
        says({}, status=429),
        listing(),
    )

    await read_through(gate, cloud, adapters)

    assert gate.heard == [2.0, 1.5, None]


@pytest.mark.parametrize("at_hand", [True, False], ids=["with a token", "without one"])
async def test_waiting_for_a_place_is_not_the_vaults_slowness(
    cloud: LocalCloud, adapters: Adapters, at_hand: bool
) -> None:
    class Slow(Counting):
        async def take(self) -> None:
            await asyncio.sleep(0.4)

    if at_hand:
        await adapters.credential.get_token_info(cloud.settings.vault_scope)
    client = adapters.client(total_seconds=0.3, gate=Slow(cloud))
    cloud.on("/secrets", listing(ROW))

    answer = await client.read(get(f"{cloud.vault().uri}secrets"), "the secrets of vault kv-1")

    assert answer["value"] == [ROW]


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


async def test_a_listing_that_never_ends_is_given_up(
    cloud: LocalCloud, adapters: Adapters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "MOST_PAGES", 5)
    links = [f"{cloud.vault().uri}secrets?$skiptoken={n}" for n in range(20)]
    cloud.on("/secrets", *(listing(ROW, link=link) for link in links))

    with pytest.raises(UnexpectedAnswerError, match="does not end after 5 pages"):
        await adapters.read(cloud)

    assert len(cloud.seen) == 5


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
    holds_no_secret(failed.value)
