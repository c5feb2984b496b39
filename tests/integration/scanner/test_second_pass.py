"""Every shard of a scan is listed before a detail is asked for; nothing is lost or doubled."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.scanner.domain.inventory import ItemKind
from services.scanner.handlers import on_scan_shard_requested
from services.scanner.steps.resume import ATTEMPTS, Watchdog
from services.scanner.store import scans, shards
from shared.errors import PermanentError
from shared.events import ScanCompleted, ScanDetailsRequested
from shared.events.scanning import ScanMode
from tests.support.details import FakeDetails
from tests.support.scanner import EAST, WEST, CrashedError, Rig, a_message, a_vault, an_item

PLACES = ((EAST, "westeurope"), (EAST, "eastus2"), (WEST, "westeurope"))
VAULTS, ITEMS = 6, 4


@pytest.fixture
def told(rig: Rig) -> FakeDetails:
    """The data plane that the rig's second pass asks."""
    rig.details = FakeDetails()
    return rig.details


@pytest.fixture(autouse=True)
def estate(rig: Rig, told: FakeDetails) -> None:
    """Three shards of two vaults each, and the directory."""
    del told
    for number in range(VAULTS):
        subscription, region = PLACES[number % 3]
        items = [an_item(f"k{n}", kind=ItemKind.KEY) for n in range(ITEMS)]
        rig.cloud.put(a_vault(f"kv-{number}", subscription, region=region), *items)


def watchdog(rig: Rig) -> Watchdog:
    return Watchdog(pool=rig.pool, outbox=rig.outbox, estate=rig.cloud, stale_seconds=0)


async def described(rig: Rig) -> int:
    """How many items' details are stored."""
    found: int = await rig.pool.fetchval("SELECT count(*) FROM scanner.v_item_detail")
    return found


async def asked_for(rig: Rig, scan_id: UUID) -> Counter[int]:
    """How often the details of each shard were asked for."""
    return Counter(event.shard_id for event, _ in await rig.due_details(scan_id))


async def deliver_all_details(rig: Rig, scan_id: UUID) -> None:
    for due in await rig.due_details(scan_id):
        await rig.deliver_details(*due)


async def assert_whole(rig: Rig, told: FakeDetails, scan_id: UUID) -> None:
    """Check that the scan is complete, with every detail, read once, and has said so once."""
    assert (await rig.scan_row(scan_id))["outcome"] == "complete"
    assert await described(rig) == VAULTS * ITEMS
    assert len(told.asked) == len(set(told.asked)) == VAULTS * ITEMS * 3
    assert len(await rig.outbox.sent(ScanCompleted)) == 1


async def test_no_detail_is_asked_for_before_every_shard_of_the_scan_is_listed(
    rig: Rig, told: FakeDetails
) -> None:
    scan_id = await rig.request()
    *others, last = await rig.shards(scan_id)
    assert len(others) == 3

    for shard in others:
        await rig.deliver(*shard)
        assert await rig.due_details(scan_id) == []
    await rig.deliver(*last)

    assert told.asked == []
    assert len(await rig.inventory()) == VAULTS * ITEMS
    assert (await rig.scan_row(scan_id))["state"] == "running"
    # The directory has no details; what has none is done with its listing.
    assert await asked_for(rig, scan_id) == {1: 1, 2: 1, 3: 1}
    await deliver_all_details(rig, scan_id)
    await assert_whole(rig, told, scan_id)


async def test_a_scan_without_anything_to_be_asked_ends_with_its_last_listing(
    rig: Rig, told: FakeDetails
) -> None:
    await rig.scan()
    told.asked.clear()

    scan_id = await rig.request()
    await rig.list_all(scan_id)

    assert (await rig.scan_row(scan_id))["outcome"] == "complete"
    assert await rig.due_details(scan_id) == []
    assert told.asked == []


async def test_only_the_shards_with_something_to_be_asked_are_asked(
    rig: Rig, told: FakeDetails
) -> None:
    await rig.scan()
    told.asked.clear()
    rig.cloud.of("kv-1").append(an_item("new", kind=ItemKind.KEY))

    scan_id = await rig.scan(mode=ScanMode.DELTA)

    assert (await asked_for(rig, scan_id)).total() == 1
    assert {(vault, name) for vault, _, name in told.asked} == {
        ("kv-1", "new"),
        ("kv-1", "keys/new"),
    }


async def test_whoever_waits_for_the_inventory_is_woken_once_and_before_any_detail(
    rig: Rig, told: FakeDetails
) -> None:
    scan_id, woken = await rig.request(), []
    deliveries = await rig.shards(scan_id)
    for event, message in deliveries * 2:
        await on_scan_shard_requested(
            event,
            message,
            pool=rig.pool,
            outbox=rig.outbox,
            visitor=rig.visitor(),
            second_pass=rig.second_pass(),
            on_listed=partial(woken.append, event.shard_id),
        )

    assert woken == [deliveries[-1][0].shard_id]
    assert told.asked == []


@pytest.mark.parametrize("seed", range(3))
async def test_listings_that_end_at_once_in_any_order_ask_for_each_shards_details_once(
    rig: Rig, told: FakeDetails, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - a test that can be repeated
    scan_id = await rig.request()
    deliveries = await rig.shards(scan_id) * 3
    chance.shuffle(deliveries)

    await asyncio.gather(*(rig.deliver(*delivery) for delivery in deliveries))

    assert await asked_for(rig, scan_id) == {1: 1, 2: 1, 3: 1}
    await deliver_all_details(rig, scan_id)
    await assert_whole(rig, told, scan_id)


async def test_details_that_are_asked_for_twice_are_read_once(rig: Rig, told: FakeDetails) -> None:
    scan_id = await rig.request()
    await rig.list_all(scan_id)

    for _ in range(2):
        await deliver_all_details(rig, scan_id)
    await rig.list_all(scan_id)

    await assert_whole(rig, told, scan_id)


async def test_details_that_are_asked_for_too_early_are_left_to_the_listing(
    rig: Rig, told: FakeDetails
) -> None:
    scan_id = await rig.request()
    early = ScanDetailsRequested(scan_id=scan_id, shard_id=1)

    await rig.deliver_details(early, a_message(ScanDetailsRequested))
    assert told.asked == []
    await rig.list_all(scan_id)
    await deliver_all_details(rig, scan_id)

    await assert_whole(rig, told, scan_id)


async def test_details_of_a_shard_that_nobody_planned_are_refused_for_good(rig: Rig) -> None:
    scan_id = await rig.request()

    for event in (
        ScanDetailsRequested(scan_id=uuid4(), shard_id=1),
        ScanDetailsRequested(scan_id=scan_id, shard_id=10**12),
    ):
        with pytest.raises(PermanentError, match="not planned here"):
            await rig.deliver_details(event, a_message(ScanDetailsRequested))


# Each place where the process may end: what is reached, and whether it has run.
STATEMENTS = [
    (shards, "get_stage"),
    (shards, "mark_listed"),
    (shards, "list_unlisted_shards"),
    (shards, "finish_shard"),
    (scans, "save_conclusion"),
]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("module", "name"), STATEMENTS, ids=[name for _, name in STATEMENTS])
@pytest.mark.parametrize("nth", [1, 4, 5])
async def test_a_crash_between_the_passes_loses_nothing_and_doubles_nothing(
    rig: Rig, told: FakeDetails, monkeypatch: pytest.MonkeyPatch, module: Any, name: str,
    after: bool, nth: int,
) -> None:  # fmt: skip
    real, reached = getattr(module, name), 0

    async def crashing(*arguments: Any) -> Any:
        nonlocal reached
        reached += 1
        if reached == nth and not after:
            raise CrashedError
        result = await real(*arguments)
        if reached == nth:
            raise CrashedError
        return result

    monkeypatch.setattr(module, name, crashing)
    scan_id = await rig.request()
    crashes = await run_to_the_end(rig, scan_id)

    assert crashes == (reached >= nth)
    assert await asked_for(rig, scan_id) == {1: 1, 2: 1, 3: 1}
    await assert_whole(rig, told, scan_id)


async def test_a_crash_while_asking_for_details_loses_nothing_and_doubles_nothing(
    rig: Rig, told: FakeDetails
) -> None:
    scan_id = await rig.request()
    rig.outbox.crash = ScanDetailsRequested

    assert await run_to_the_end(rig, scan_id) == 1
    assert await asked_for(rig, scan_id) == {1: 1, 2: 1, 3: 1}
    await assert_whole(rig, told, scan_id)


async def run_to_the_end(rig: Rig, scan_id: UUID) -> int:
    """Deliver everything, again after a crash, as the bus does; return the crashes."""
    crashes = 0
    for shard in await rig.shards(scan_id):
        crashes += await insist(rig, partial(rig.deliver, *shard))
    for due in await rig.due_details(scan_id):
        crashes += await insist(rig, partial(rig.deliver_details, *due))
    return crashes


async def insist(rig: Rig, work: Callable[[], Awaitable[object]]) -> int:
    try:
        await work()
    except CrashedError:
        rig.outbox.crash = None
        await work()
        return 1
    return 0


async def test_a_lost_listing_is_sent_again_without_the_details_of_others(
    rig: Rig, told: FakeDetails
) -> None:
    scan_id = await rig.request()
    sent = await rig.shards(scan_id)
    for shard in sent[1:]:
        await rig.deliver(*shard)

    await watchdog(rig).look()

    assert await rig.due_details(scan_id) == []
    [again] = (await rig.shards(scan_id))[len(sent) :]
    assert again[0].shard_id == sent[0][0].shard_id
    await rig.deliver(*again)
    await deliver_all_details(rig, scan_id)
    await assert_whole(rig, told, scan_id)


async def test_lost_details_are_asked_for_again_without_a_listing(
    rig: Rig, told: FakeDetails
) -> None:
    scan_id = await rig.request()
    await rig.list_all(scan_id)
    first, *_ = await rig.due_details(scan_id)
    await rig.deliver_details(*first)
    listings = len(await rig.shards(scan_id))

    await watchdog(rig).look()

    assert len(await rig.shards(scan_id)) == listings
    assert await asked_for(rig, scan_id) == {1: 1, 2: 2, 3: 2}
    await deliver_all_details(rig, scan_id)
    await assert_whole(rig, told, scan_id)


async def test_a_listing_that_is_given_up_does_not_take_the_others_details_with_it(
    rig: Rig, told: FakeDetails
) -> None:
    scan_id = await rig.request()
    for shard in (await rig.shards(scan_id))[1:]:
        await rig.deliver(*shard)

    for _ in range(ATTEMPTS + 1):
        await watchdog(rig).look()
    await deliver_all_details(rig, scan_id)

    assert await asked_for(rig, scan_id) == {2: 1, 3: 1}
    assert len(told.asked) == 4 * ITEMS * 3
    scan = await rig.scan_row(scan_id)
    assert (scan["outcome"], scan["unreadable"]) == ("partial", 2)


async def test_details_that_are_never_done_end_the_scan_and_are_due_in_the_next(
    rig: Rig, told: FakeDetails
) -> None:
    scan_id = await rig.request()
    await rig.list_all(scan_id)

    for _ in range(ATTEMPTS + 1):
        await watchdog(rig).look()

    assert (await rig.scan_row(scan_id))["outcome"] == "complete"
    assert told.asked == []
    await rig.scan(mode=ScanMode.DELTA)
    assert await described(rig) == VAULTS * ITEMS


async def test_a_shard_that_a_replica_of_the_release_before_has_done_is_not_waited_for(
    rig: Rig, told: FakeDetails
) -> None:
    """It lists and reads details for one message, and does not note when it had listed."""
    scan_id = await rig.request()
    first, *others = await rig.shards(scan_id)
    await rig.deliver(*first)
    sql = "UPDATE scanner.shard SET listed_at = NULL, finished_at = now() WHERE shard_id = $1"
    await rig.pool.execute(sql, first[0].shard_id)

    for shard in others:
        await rig.deliver(*shard)
    await deliver_all_details(rig, scan_id)

    assert (await rig.scan_row(scan_id))["outcome"] == "complete"
    assert len(told.asked) == 4 * ITEMS * 3
