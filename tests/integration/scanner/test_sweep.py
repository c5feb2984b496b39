"""The expiry sweep: each crossed step is announced once, across replicas, restarts and clocks."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from services.scanner.domain.inventory import Item, ItemKind
from services.scanner.steps import sweep as sweeping
from services.scanner.steps.sweep import sweep
from shared.events import SecretExpiring
from tests.support.scanner import (
    DAY,
    CrashedError,
    Rig,
    a_credential,
    a_vault,
    an_item,
)

TODAY = datetime.now(UTC).replace(microsecond=0)


async def announced(rig: Rig) -> list[tuple[str, int]]:
    return [
        (event.credential.name, event.threshold_days)
        for event in await rig.outbox.sent(SecretExpiring)
    ]


async def holding(rig: Rig, *items: Item) -> None:
    rig.cloud.put(a_vault(), *items)
    await rig.scan()


async def test_a_first_discovery_announces_the_nearest_step_and_records_the_earlier_ones(
    rig: Rig,
) -> None:
    await holding(rig, an_item("soon", expires_on=TODAY + 5 * DAY))

    assert await sweep(rig.pool, rig.outbox) == 1
    assert await sweep(rig.pool, rig.outbox) == 0
    [event] = await rig.outbox.sent(SecretExpiring)
    assert (event.threshold_days, event.status) == (7, "critical")
    assert (event.credential.container, event.credential.subscription_id) == ("kv-pay", "sub-east")
    rows = await rig.pool.fetch("SELECT threshold_days, announced FROM scanner.announcement")
    assert {(row["threshold_days"], row["announced"]) for row in rows} == {
        (7, True),
        (14, False),
        (30, False),
        (60, False),
    }


async def test_every_step_of_a_life_is_announced_once_however_often_somebody_looks(
    rig: Rig,
) -> None:
    await holding(rig, an_item("a", expires_on=TODAY + 70 * DAY))

    for day in range(75):
        await sweep(rig.pool, rig.outbox, now=TODAY + timedelta(days=day, hours=1))
        await sweep(rig.pool, rig.outbox, now=TODAY + timedelta(days=day, hours=1))

    assert await announced(rig) == [("a", step) for step in (60, 30, 14, 7, 3, 1, 0)]


async def test_replicas_that_sweep_at_once_announce_once(rig: Rig) -> None:
    await holding(rig, *(an_item(f"s{n}", expires_on=TODAY + DAY) for n in range(60)))

    await asyncio.gather(*(sweep(rig.pool, rig.outbox) for _ in range(5)))
    await sweep(rig.pool, rig.outbox)

    found = await announced(rig)
    assert len(found) == len(set(found)) == 60


async def test_the_primary_key_holds_even_if_the_lease_does_not(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    await holding(rig, an_item("a", expires_on=TODAY + DAY))
    await sweep(rig.pool, rig.outbox)

    async def nothing_recorded(*_: object) -> dict[int, list[int]]:
        return {}

    monkeypatch.setattr(sweeping.announcements, "_recorded", nothing_recorded)
    await rig.pool.execute("UPDATE scanner.item SET look_at = now()")

    assert await sweep(rig.pool, rig.outbox) == 0


async def test_a_clock_that_jumps_to_and_fro_announces_nothing_twice(rig: Rig) -> None:
    await holding(rig, an_item("a", expires_on=TODAY + 20 * DAY))

    for days in (0, 14, 3, 25, -40, 0, 19, 25):
        await sweep(rig.pool, rig.outbox, now=TODAY + days * DAY)
        await rig.pool.execute("UPDATE scanner.item SET look_at = '-infinity'")

    assert await announced(rig) == [("a", 30), ("a", 7), ("a", 0)]


async def test_a_crash_while_announcing_announces_later_and_once(rig: Rig) -> None:
    await holding(rig, *(an_item(f"s{n}", expires_on=TODAY + DAY) for n in range(3)))
    rig.outbox.crash = SecretExpiring
    with pytest.raises(CrashedError):
        await sweep(rig.pool, rig.outbox)
    rig.outbox.crash = None

    assert await sweep(rig.pool, rig.outbox) == 3


async def test_more_items_than_one_batch_are_all_announced(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "BATCH", 10)
    await holding(rig, *(an_item(f"s{n}", expires_on=TODAY + DAY) for n in range(35)))

    assert await sweep(rig.pool, rig.outbox) == 35


async def test_a_new_expiry_begins_a_new_ladder(rig: Rig) -> None:
    item = an_item("a", expires_on=TODAY + 5 * DAY)
    await holding(rig, item)
    await sweep(rig.pool, rig.outbox)
    rig.cloud.of("kv-pay")[0] = replace(item, expires_on=TODAY + 50 * DAY)
    await rig.scan()
    await sweep(rig.pool, rig.outbox)

    assert await announced(rig) == [("a", 7), ("a", 60)]


async def test_disabled_managed_and_removed_items_are_silent(rig: Rig) -> None:
    gone = an_item("gone", expires_on=TODAY + DAY)
    await holding(
        rig,
        gone,
        an_item("off", enabled=False, expires_on=TODAY + DAY),
        an_item("tls", kind=ItemKind.CERTIFICATE, expires_on=TODAY + DAY),
        an_item("tls", managed=True, expires_on=TODAY + DAY),
        an_item("tls", kind=ItemKind.KEY, managed=True, expires_on=TODAY + DAY),
    )
    rig.cloud.of("kv-pay").remove(gone)
    await rig.scan()

    await sweep(rig.pool, rig.outbox)

    assert await announced(rig) == [("tls", 1)]
    [event] = await rig.outbox.sent(SecretExpiring)
    assert event.credential.kind is ItemKind.CERTIFICATE


async def test_an_item_that_is_enabled_again_is_announced(rig: Rig) -> None:
    item = an_item("a", enabled=False, expires_on=TODAY + DAY)
    await holding(rig, item)
    assert await sweep(rig.pool, rig.outbox) == 0
    rig.cloud.of("kv-pay")[0] = replace(item, enabled=True)
    await rig.scan()

    assert await sweep(rig.pool, rig.outbox) == 1


async def test_only_the_newest_usable_credential_of_an_application_is_announced(rig: Rig) -> None:
    old = a_credential("old", expires_on=TODAY + 2 * DAY)
    new = a_credential("new", not_before=TODAY - DAY, expires_on=TODAY + 20 * DAY)
    other = a_credential("other", name="web", expires_on=TODAY + 2 * DAY)
    rig.cloud.credentials_seen = [old, new, other]
    await rig.scan()

    await sweep(rig.pool, rig.outbox)

    assert sorted(await announced(rig)) == [("ci", 30), ("web", 3)]
    containers = {event.credential.container for event in await rig.outbox.sent(SecretExpiring)}
    assert containers == {"payments"}


async def test_when_the_newer_credential_is_taken_away_the_older_one_is_announced(
    rig: Rig,
) -> None:
    old = a_credential("old", expires_on=TODAY + 2 * DAY)
    new = a_credential("new", not_before=TODAY - DAY, expires_on=TODAY + 200 * DAY)
    rig.cloud.credentials_seen = [old, new]
    await rig.scan()
    assert await sweep(rig.pool, rig.outbox) == 0
    rig.cloud.credentials_seen = [old]
    await rig.scan()

    assert await sweep(rig.pool, rig.outbox) == 1


async def test_sweeping_reads_the_rows_that_are_due_and_no_others(rig: Rig) -> None:
    """Of 100,000 items 50 are due: the plan walks the index of due times and stops."""
    await holding(rig)
    await rig.pool.execute(
        """
        INSERT INTO scanner.item (vault_id, kind, external_id, name, enabled, managed, expires_on,
               warning_at, critical_at, look_at)
        SELECT v.id, 'secret', 'secrets/s' || n, 's' || n, true, false, e.at,
               e.at - interval '30 days', e.at - interval '7 days', e.at - interval '60 days'
        FROM scanner.vault v, generate_series(1, 100000) AS n,
             LATERAL (SELECT now() + CASE WHEN n <= 50 THEN interval '5 days'
                                          ELSE interval '200 days' END AS at) AS e
        WHERE v.name = 'kv-pay'
        """
    )
    await rig.pool.execute("ANALYZE scanner.item")
    before = await _rows_read(rig)

    assert await sweep(rig.pool, rig.outbox) == 50

    assert await _rows_read(rig) - before < 1000, "rows by sequential and index scans"
    plan = await _plan_of_due(rig)
    assert "item_to_look_at" in plan, plan  # by an index scan or by a bitmap of it
    assert "Seq Scan on item" not in plan


async def _rows_read(rig: Rig) -> int:
    async with rig.pool.acquire() as conn:
        await conn.execute("SELECT pg_stat_force_next_flush()")
    read: int = await rig.pool.fetchval(
        """
        SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_all_tables
        WHERE relid = 'scanner.item'::regclass
        """
    )
    return read


async def _plan_of_due(rig: Rig) -> str:
    """Return the plan of the sweep's own statement, as the server chooses it now."""
    sent: list[tuple[str, tuple[object, ...]]] = []

    class Ear:
        async def fetch(self, sql: str, *arguments: object) -> list[object]:
            sent.append((sql, arguments))
            return []

    ear: Any = Ear()
    await sweeping.announcements.list_due(ear, TODAY, limit=sweeping.BATCH)
    sql, arguments = sent[0]
    rows = await rig.pool.fetch(f"EXPLAIN {sql}", *arguments)
    return "\n".join(row[0] for row in rows)


async def test_an_unreadable_vaults_items_are_announced_all_the_same(rig: Rig) -> None:
    await holding(rig, an_item("a", expires_on=TODAY + 10 * DAY))
    await sweep(rig.pool, rig.outbox)
    rig.cloud.holds["kv-pay"] = TimeoutError()
    await rig.scan()

    await sweep(rig.pool, rig.outbox, now=TODAY + 8 * DAY)

    steps = [step for _, step in await announced(rig)]
    assert steps == [14, 3]
    assert all(earlier > later for earlier, later in pairwise(steps))
