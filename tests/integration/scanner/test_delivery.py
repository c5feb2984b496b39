"""At-least-once in, exactly-once out: duplicates, disorder, races and crashes change nothing."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from services.scanner.domain.inventory import Subscription, VaultRef
from services.scanner.domain.listing import Page
from services.scanner.store import inventory, looks, scans, shards
from shared.clouds.errors import UnexpectedAnswerError
from shared.errors import TransientError
from shared.events import Event, ScanCompleted, ScanRequested, ScanShardRequested, VaultScanned
from tests.support.scanner import (
    EAST,
    WEST,
    CrashedError,
    Rig,
    a_credential,
    a_message,
    a_vault,
    an_item,
    as_json,
)


def fill(rig: Rig, *, generation: int = 0) -> None:
    """An estate of three vaults in two subscriptions; a later generation differs a little."""
    rig.cloud.vaults_seen.clear()
    for number, subscription in enumerate(("sub-east", "sub-east", WEST)):
        items = [
            an_item(f"s{n}", enabled=(n + generation) % 7 != 0)
            for n in range(generation * 5, 30 + number)
        ]
        rig.cloud.put(a_vault(f"kv-{number}", subscription), *items)
    rig.cloud.credentials_seen = [a_credential("k1"), a_credential("k2", "billing")]


async def state(rig: Rig) -> str:
    """All that a scan leaves behind, but for ids and times."""
    found = await rig.inventory()
    gone = await rig.inventory(removed=True)
    feed = sorted(as_json({**e, "id": 0, "scan_id": 0}) for e in await rig.feed())
    events = sorted(
        as_json(e.model_dump(exclude={"scan_id", "vault_id", "first_change_id", "last_change_id"}))
        for e in await rig.outbox.sent(VaultScanned)
    )
    ended = [
        as_json(e.model_dump(exclude={"scan_id", "seconds"}))
        for e in await rig.outbox.sent(ScanCompleted)
    ]
    items = sorted(as_json(row) for row in [*found.values(), *gone.values()])
    return "\n".join([*items, *feed, *events, *ended])


async def clean_run(rig: Rig) -> str:
    """The same two scans without any trouble, and then a clean table for the test's own."""
    for generation in (0, 1):
        fill(rig, generation=generation)
        await rig.scan()
    expected = await state(rig)
    await rig.pool.execute("DELETE FROM scanner.announcement")
    for table in (
        "change",
        "scan_vault",
        "shard",
        "scan",
        "credential",
        "application_change",
        "application",
        "item",
        "vault",
        "test_sent",
    ):
        await rig.pool.execute(f"DELETE FROM scanner.{table}")  # noqa: S608 - names from above
    return expected


@pytest.mark.parametrize("seed", range(5))
async def test_duplicated_and_shuffled_messages_end_as_the_clean_run_does(
    rig: Rig, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - a test that can be repeated
    expected = await clean_run(rig)
    for generation in (0, 1):
        fill(rig, generation=generation)
        request = ScanRequested(scan_id=uuid4(), requested_by="ada")
        message = a_message(ScanRequested)
        await asyncio.gather(*(rig.request(message, **request.model_dump()) for _ in range(3)))
        deliveries = await rig.shards(request.scan_id) * 3
        chance.shuffle(deliveries)
        await asyncio.gather(*(rig.deliver(*delivery) for delivery in deliveries))
        await rig.request(message, **request.model_dump())

    assert await state(rig) == expected


async def test_two_scans_of_the_same_vaults_at_once_add_nothing_twice(rig: Rig) -> None:
    fill(rig)
    one, other = await asyncio.gather(rig.request(), rig.request())

    shards = [*await rig.shards(one), *await rig.shards(other)]
    await asyncio.gather(*(rig.deliver(*shard) for shard in shards))

    assert {entry["what"] for entry in await rig.feed()} == {"added"}
    assert len(await rig.feed()) == len(await rig.inventory())
    ended = await rig.outbox.sent(ScanCompleted)
    assert {event.scan_id for event in ended} == {one, other}
    assert len(ended) == 2


async def test_an_older_listing_that_is_written_later_undoes_nothing(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = rig.cloud.put(a_vault(), an_item("a"))
    older, newer = await rig.request(), await rig.request()
    read, go_on = asyncio.Event(), asyncio.Event()
    reading = rig.cloud.items

    async def items(vault: VaultRef) -> AsyncIterator[Page]:
        async for page in reading(vault):
            read.set()
            await go_on.wait()
            yield page

    with monkeypatch.context() as patch:
        patch.setattr(rig.cloud, "items", items)
        slow = asyncio.gather(*(rig.deliver(*shard) for shard in await rig.shards(older)))
        await read.wait()
    rig.cloud.holds[vault.name] = [an_item("a"), an_item("b")]
    for shard in await rig.shards(newer):
        await rig.deliver(*shard)
    go_on.set()
    await slow

    assert len(await rig.inventory()) == 2
    assert [entry["what"] for entry in await rig.feed()] == ["added", "added"]
    assert (await rig.outcome_of(older, vault.name))["items"] == 2


# Each place where the process may end: the function that is reached, and whether it has run.
PLACES = [
    (scans, "add_plan"),
    (shards, "mark_listed"),
    (shards, "finish_shard"),
    (scans, "save_conclusion"),
    (looks, "claim_look"),
    (looks, "save_result"),
    (inventory, "add_items"),
    (inventory, "add_entries"),
    (inventory, "update_items"),
    (inventory, "add_changes"),
    (inventory, "remove_absent"),
]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("module", "name"), PLACES, ids=[name for _, name in PLACES])
async def test_a_crash_at_any_statement_loses_nothing_and_doubles_nothing(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, module: Any, name: str, after: bool
) -> None:
    expected = await clean_run(rig)
    real = getattr(module, name)
    crashes = iter((True, True))

    async def crashing(*arguments: Any, **named: Any) -> Any:
        crash = next(crashes, False)
        if crash and not after:
            raise CrashedError
        result = await real(*arguments, **named)
        if crash:
            raise CrashedError
        return result

    monkeypatch.setattr(module, name, crashing)

    assert await run_to_the_end(rig) >= 1
    assert await state(rig) == expected


@pytest.mark.parametrize("event", [ScanShardRequested, VaultScanned, ScanCompleted])
async def test_a_crash_while_announcing_loses_nothing_and_doubles_nothing(
    rig: Rig, event: type[Event]
) -> None:
    expected = await clean_run(rig)
    rig.outbox.crash = event

    assert await run_to_the_end(rig) >= 1
    assert await state(rig) == expected


async def run_to_the_end(rig: Rig) -> int:
    """Both generations, delivered again after each crash, as the bus does; return the crashes."""
    crashes = 0
    for generation in (0, 1):
        fill(rig, generation=generation)
        request = ScanRequested(scan_id=uuid4(), requested_by="ada")
        message = a_message(ScanRequested)
        crashes += await insist(rig, partial(rig.request, message, **request.model_dump()))
        for shard in await rig.shards(request.scan_id):
            crashes += await insist(rig, partial(rig.deliver, *shard))
    return crashes


async def insist(rig: Rig, work: Callable[[], Awaitable[object]]) -> int:
    crashes = 0
    while True:
        try:
            await work()
        except CrashedError:
            crashes += 1
            rig.outbox.crash = None
        else:
            return crashes


async def test_a_redelivered_shard_goes_on_after_the_last_finished_vault(rig: Rig) -> None:
    rig.at_once = 1
    for number in range(5):
        rig.cloud.put(a_vault(f"kv-{number}"), an_item("a"))
    scan_id = await rig.request()
    [shard] = [s for s in await rig.shards(scan_id) if s[0].shard_id == 1]

    delivery = asyncio.create_task(rig.deliver(*shard))
    rig.cloud.before_page = lambda name: void(name == "kv-2" and delivery.cancel())
    with pytest.raises(asyncio.CancelledError):
        await delivery
    rig.cloud.before_page = void
    rig.cloud.reads.clear()
    await rig.deliver(*shard)

    assert rig.cloud.reads == ["kv-2", "kv-3", "kv-4"]


def void(_: object) -> None:
    """Nothing."""


async def test_a_reading_that_is_cut_off_from_inside_does_not_end_its_shard(rig: Rig) -> None:
    rig.cloud.put(a_vault(), an_item("a"))
    [shard] = await rig.shards(await rig.request(subscription_ids=(EAST,)))

    def cut(_: str) -> None:
        raise asyncio.CancelledError

    rig.cloud.before_page = cut
    with pytest.raises(TransientError, match="delivered again"):
        await rig.deliver(*shard)
    rig.cloud.before_page = void
    await rig.deliver(*shard)

    assert len(await rig.inventory()) == 1


async def test_the_last_two_shards_that_end_at_once_end_the_scan_once(rig: Rig) -> None:
    for _ in range(5):
        fill(rig)
        scan_id = await rig.request()
        await asyncio.gather(*(rig.deliver(*shard) for shard in await rig.shards(scan_id)))

        ended = [e for e in await rig.outbox.sent(ScanCompleted) if e.scan_id == scan_id]
        assert len(ended) == 1


async def test_a_database_that_fails_concerns_the_shard_and_no_vaults_outcome(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(rig)
    scan_id = await rig.request()
    shard = (await rig.shards(scan_id))[0]

    async def down(*_: Any) -> None:
        raise TransientError("The database is away.")

    with monkeypatch.context() as patch:
        patch.setattr(looks, "claim_look", down)
        with pytest.raises(TransientError, match="away"):
            await rig.deliver(*shard)

    assert (await rig.scan_row(scan_id))["vaults_done"] == 0


async def test_two_workers_with_the_same_vault_in_hand_write_it_once(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.cloud.put(a_vault(), an_item("a"))
    [shard] = await rig.shards(await rig.request(subscription_ids=(EAST,)))
    both_read = asyncio.Barrier(2)
    reading = rig.cloud.items

    async def items(vault: VaultRef) -> AsyncIterator[Page]:
        async for page in reading(vault):
            await both_read.wait()
            yield page

    monkeypatch.setattr(rig.cloud, "items", items)
    await asyncio.gather(rig.deliver(*shard), rig.deliver(*shard))

    assert len(await rig.outbox.sent(VaultScanned)) == 1
    assert len(await rig.outbox.sent(ScanCompleted)) == 1
    assert len(await rig.feed()) == 1


async def test_a_scan_that_another_replica_has_planned_meanwhile_is_not_failed(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = ScanRequested(scan_id=uuid4(), requested_by="ada")

    async def planned_elsewhere() -> list[Subscription]:
        monkeypatch.undo()
        await rig.request(**request.model_dump())
        raise UnexpectedAnswerError("What?")

    monkeypatch.setattr(rig.cloud, "subscriptions", planned_elsewhere)
    await rig.request(**request.model_dump())

    assert (await rig.scan_row(request.scan_id))["state"] == "running"
    assert await rig.outbox.sent(ScanCompleted) == []


async def test_two_workers_that_cannot_read_the_same_vault_say_so_once(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = rig.cloud.put(a_vault())
    [shard] = await rig.shards(await rig.request(subscription_ids=(EAST,)))
    both_read = asyncio.Barrier(2)

    async def items(_: VaultRef) -> AsyncIterator[Page]:
        await both_read.wait()
        yield Page(())
        raise UnexpectedAnswerError("What?")

    monkeypatch.setattr(rig.cloud, "items", items)
    await asyncio.gather(rig.deliver(*shard), rig.deliver(*shard))

    assert [event.vault_name for event in await rig.outbox.sent(VaultScanned)] == [vault.name]
