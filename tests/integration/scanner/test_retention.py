"""What is kept and what goes: old scans and changes go, what lives and what was seen last stays."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from services.scanner.steps import retain as steps
from services.scanner.steps.retain import retain
from services.scanner.steps.sweep import sweep
from services.scanner.store import inventory, retention
from services.scanner.store.locks import Task, try_task
from tests.support.scanner import DAY, Rig, a_credential, a_vault, an_item
from tests.support.waiting import eventually

AGED = {
    "scan": ("requested_at", "started_at", "completed_at"),
    "scan_vault": ("finished_at",),
    "change": ("at",),
    "item": ("deleted_at",),
    "announcement": ("at",),
}


async def age(rig: Rig, days: int) -> None:
    """Make everything that happened so far so much older."""
    span = timedelta(days=days)
    for table, columns in AGED.items():
        sets = ", ".join(f"{column} = {column} - $1::interval" for column in columns)
        await rig.pool.execute(f"UPDATE scanner.{table} SET {sets}", span)  # noqa: S608 - a test's own words


async def scans(rig: Rig) -> set[UUID]:
    return {row["id"] for row in await rig.pool.fetch("SELECT id FROM scanner.v_scan")}


async def count(rig: Rig, tables: Sequence[str]) -> list[int]:
    return [await rig.pool.fetchval(f"SELECT count(*) FROM scanner.{table}") for table in tables]  # noqa: S608 - a test's own words


async def test_old_scans_go_with_their_shards_and_the_last_look_at_a_vault_stays(rig: Rig) -> None:
    rig.cloud.put(a_vault("kv-a"), an_item("a"))
    first = await rig.scan(subscription_ids=("sub-east",))
    await age(rig, 100)
    rig.cloud.put(a_vault("kv-b", "sub-west"), an_item("b"))
    west = await rig.scan(subscription_ids=("sub-west",))
    await age(rig, 100)
    second = await rig.scan(subscription_ids=("sub-east",))
    await age(rig, 500)
    newest = await rig.scan(subscription_ids=("sub-east",))

    await retain(rig.pool, keep_days=400)

    assert first not in await scans(rig)
    assert second not in await scans(rig)
    assert await scans(rig) == {west, newest}, "west is the last look at kv-b"
    assert await count(rig, ["shard", "scan_vault"]) == [2, 2]
    assert await count(rig, ["change"]) == [0]
    assert len(await rig.inventory()) == 2


async def test_gone_items_go_with_what_is_kept_of_them_and_living_ones_stay(rig: Rig) -> None:
    rig.cloud.put(a_vault("kv-a"), an_item("a"), an_item("b"), an_item("c"))
    await rig.scan()
    await rig.pool.execute(
        "INSERT INTO scanner.announcement SELECT id, now(), 7, true FROM scanner.item"
    )
    rig.cloud.of("kv-a").pop()
    await rig.scan()
    await age(rig, 401)
    rig.cloud.of("kv-a").pop()
    await rig.scan()

    await retain(rig.pool, keep_days=400)

    assert len(await rig.inventory()) == 1
    assert len(await rig.inventory(removed=True)) == 1, "b is gone since today only"
    assert await count(rig, ["announcement", "change"]) == [2, 1]


async def test_what_was_announced_counts_for_a_successor_however_long_its_item_is_gone(
    rig: Rig,
) -> None:
    """As long as a credential with the same end lives, or could come back, nobody is told twice."""
    end = datetime.now(UTC).replace(microsecond=0) + 2 * DAY
    rig.cloud.credentials_seen = [a_credential("first", expires_on=end)]
    await rig.scan()
    assert await sweep(rig.pool, rig.outbox) == 1
    rig.cloud.credentials_seen = [a_credential("second", expires_on=end)]
    await rig.scan()
    await age(rig, 2)
    await rig.scan()

    await retain(rig.pool, keep_days=1)
    rig.cloud.credentials_seen.append(a_credential("other", name="web", expires_on=end + 200 * DAY))
    await rig.scan()

    assert await sweep(rig.pool, rig.outbox) == 0
    rig.cloud.credentials_seen = []
    await rig.scan()
    await age(rig, 2)
    await rig.scan()
    await retain(rig.pool, keep_days=1)
    assert await count(rig, ["item", "announcement"]) == [0, 0], "then all of them go together"


@asynccontextmanager
async def a_listing_about_to_be_written(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, name: str
) -> AsyncIterator[None]:
    """Scan, and hold the scan where it has read what is known of an item and not yet written it."""
    known, reached, go_on = inventory.list_known, asyncio.Event(), asyncio.Event()

    async def held(conn: Any, vault_id: int, external_ids: Sequence[str]) -> Any:
        found = await known(conn, vault_id, external_ids)
        if any(name in one for one in external_ids):
            reached.set()
            await go_on.wait()
        return found

    monkeypatch.setattr(inventory, "list_known", held)
    scanning = asyncio.create_task(rig.scan())
    await reached.wait()
    yield
    go_on.set()
    await scanning


async def tidied_meanwhile(rig: Rig) -> asyncio.Task[int]:
    """Begin to tidy up, and come so far as it goes without the listing."""
    tidying = asyncio.create_task(retain(rig.pool, keep_days=1))

    async def is_done_or_waits() -> bool:
        waiting: bool = await rig.pool.fetchval(
            "SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        )
        return waiting or tidying.done()

    await eventually(is_done_or_waits)
    return tidying


async def test_an_item_that_comes_back_while_it_would_be_deleted_is_not_lost(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.cloud.put(a_vault("kv-a"), an_item("stays"), an_item("returns"))
    await rig.scan()
    returning = rig.cloud.of("kv-a").pop()
    await rig.scan()
    await age(rig, 2)
    await rig.scan()

    rig.cloud.of("kv-a").append(returning)
    async with a_listing_about_to_be_written(rig, monkeypatch, "returns"):
        tidying = await tidied_meanwhile(rig)
    await tidying

    found = await rig.inventory()
    assert {item["name"] for item in found.values()} == {"stays", "returns"}


async def test_a_credential_that_comes_back_while_its_siblings_would_be_deleted_is_told_once(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = datetime.now(UTC).replace(microsecond=0) + 2 * DAY
    rig.cloud.credentials_seen = [a_credential("first", expires_on=end)]
    await rig.scan()
    assert await sweep(rig.pool, rig.outbox) == 1
    for seen in ([a_credential("second", expires_on=end)], []):
        rig.cloud.credentials_seen = list(seen)
        await rig.scan()
    await age(rig, 2)
    await rig.scan()

    rig.cloud.credentials_seen = [a_credential("second", expires_on=end)]
    async with a_listing_about_to_be_written(rig, monkeypatch, "second"):
        tidying = await tidied_meanwhile(rig)
    await tidying

    assert len(await rig.inventory()) == 1
    assert await sweep(rig.pool, rig.outbox) == 0


async def test_siblings_with_one_end_go_together_however_small_a_batch_is(rig: Rig) -> None:
    """Between two batches the other one could come back, and what was told of it were forgotten."""
    end = datetime.now(UTC).replace(microsecond=0) + 2 * DAY
    both = [a_credential("first", expires_on=end), a_credential("second", expires_on=end)]
    rig.cloud.credentials_seen = [*both, a_credential("other", expires_on=end + DAY)]
    await rig.scan()
    await sweep(rig.pool, rig.outbox)
    rig.cloud.credentials_seen = []
    await rig.scan()
    async with rig.pool.acquire() as conn:
        now: datetime = await conn.fetchval("SELECT clock_timestamp()")
        [directory] = await retention.list_vaults(conn, now)

    left = []
    while True:
        async with rig.pool.transaction() as conn:
            if not await retention.delete_items(conn, now, vault_id=directory, limit=1):
                break
        left.append(await count(rig, ["item"]))

    assert left == [[1], [0]]


async def test_small_batches_come_to_the_same_as_one(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "ROWS_AT_ONCE", 3)
    monkeypatch.setattr(steps, "SCANS_AT_ONCE", 1)
    rig.cloud.put(a_vault("kv-a"), *(an_item(f"i{number}") for number in range(10)))
    for _ in range(3):
        await rig.scan()
    await age(rig, 500)
    newest = await rig.scan()

    deleted = await retain(rig.pool, keep_days=400)

    assert deleted == 3 + 10
    assert await scans(rig) == {newest}


async def test_an_installation_that_rested_and_a_clock_that_is_ahead_lose_nothing(rig: Rig) -> None:
    rig.cloud.put(a_vault("kv-a"), an_item("a"))
    await rig.scan()
    before = await count(rig, ["scan", "change", "item"])
    now: datetime = await rig.pool.fetchval("SELECT now()")

    assert await retain(rig.pool, keep_days=1, now=now + 3653 * DAY) == 0

    assert await count(rig, ["scan", "change", "item"]) == before


async def test_one_replica_at_a_time_tidies_up(rig: Rig) -> None:
    await rig.scan()
    await age(rig, 500)
    await rig.scan()
    async with rig.pool.transaction() as other:
        assert await try_task(other, Task.RETENTION)
        assert await retain(rig.pool, keep_days=400) == 0

    assert await retain(rig.pool, keep_days=400) > 0


async def test_a_day_has_one_posture_its_last_and_days_to_come_have_none(rig: Rig) -> None:
    rig.cloud.put(a_vault("kv-a"), an_item("a"))
    await rig.scan()
    now: datetime = await rig.pool.fetchval("SELECT now()")
    await retain(rig.pool, keep_days=400, now=now + 3653 * DAY)
    await retain(rig.pool, keep_days=400, now=now)
    rig.cloud.of("kv-a").append(an_item("b"))
    await rig.scan()
    await retain(rig.pool, keep_days=400, now=now)

    rows = await rig.pool.fetch(
        "SELECT day, subscription_id, vaults, kind, status, items FROM scanner.v_posture_daily"
        " ORDER BY subscription_id"
    )
    assert [tuple(row) for row in rows] == [
        (now.date(), "sub-east", 1, "secret", "no_expiry", 2),
        (now.date(), None, 1, None, None, None),
    ]
