"""Rules on thresholds: what is asked for is stored once, and items in scope are judged anew."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from msgspec import structs

from services.scanner.handlers import on_threshold_change_requested
from services.scanner.steps import rejudge as rejudging
from services.scanner.steps.rejudge import rejudge
from services.scanner.steps.sweep import sweep
from services.scanner.store import locks
from services.scanner.store.vaults import save_vaults
from shared.audit import Action
from shared.bus import Message
from shared.errors import PermanentError
from shared.events import SecretExpiring, ThresholdChangeRequested
from shared.events.scanning import ThresholdScope as Scope
from tests.support.database import Database
from tests.support.scanner import (
    DAY,
    EAST,
    WEST,
    CrashedError,
    Rig,
    a_credential,
    a_message,
    a_vault,
    an_item,
)
from tests.support.waiting import eventually

TODAY = datetime.now(UTC).replace(microsecond=0)


async def change(rig: Rig, message: Message | None = None, **given: Any) -> None:
    event = ThresholdChangeRequested(**{"requested_by": "ada", **given})
    await on_threshold_change_requested(
        event, message or a_message(ThresholdChangeRequested), pool=rig.pool
    )


async def warnings(rig: Rig) -> dict[str, int]:
    """How many days before its end each item becomes a warning."""
    rows = await rig.pool.fetch(
        """
        SELECT name, extract(epoch FROM expires_on - warning_at) / 86400 AS days
        FROM scanner.item WHERE expires_on IS NOT NULL
        """
    )
    return {row["name"]: int(row["days"]) for row in rows}


async def an_estate(rig: Rig) -> None:
    rig.cloud.put(
        a_vault(),
        an_item("plain", expires_on=TODAY + 80 * DAY),
        an_item("gold", expires_on=TODAY + 80 * DAY, tags={"tier": "gold"}),
        an_item("endless"),
    )
    rig.cloud.put(a_vault("kv-web", WEST), an_item("far", expires_on=TODAY + 80 * DAY))
    rig.cloud.credentials_seen = [a_credential("k", expires_on=TODAY + 80 * DAY)]
    await rig.scan()


async def waiting(rig: Rig, count: int) -> bool:
    """Whether so many wait for an advisory lock."""
    found: int = await rig.pool.fetchval(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    )
    return found >= count


async def number_of(rig: Rig, table: str, name: str) -> str:
    of = {
        "vault": "SELECT id FROM scanner.vault WHERE name = $1",
        "item": "SELECT id FROM scanner.item WHERE name = $1",
    }
    return str(await rig.pool.fetchval(of[table], name))


@pytest.mark.parametrize(
    ("scope", "name", "concerned"),
    [
        (Scope.GLOBAL, "", {"plain", "gold", "far", "ci"}),
        (Scope.SUBSCRIPTION, "sub-east", {"plain", "gold"}),
        (Scope.VAULT, "kv-web", {"far"}),
        (Scope.TAG, "tier=gold", {"gold"}),
        (Scope.ITEM, "plain", {"plain"}),
    ],
)
async def test_a_rule_is_applied_to_exactly_the_items_in_its_scope_and_taken_back(
    rig: Rig, scope: Scope, name: str, concerned: set[str]
) -> None:
    await an_estate(rig)
    if scope in {Scope.VAULT, Scope.ITEM}:
        name = await number_of(rig, scope.value, name)

    await change(rig, scope=scope, name=name, warning_days=90, critical_days=10)
    assert await rejudge(rig.pool) == len(concerned)

    found = await warnings(rig)
    assert {one for one, days in found.items() if days == 90} == concerned
    assert {days for one, days in found.items() if one not in concerned} <= {30}
    assert await sweep(rig.pool, rig.outbox) == len(concerned)
    steps = {e.threshold_days for e in await rig.outbox.sent(SecretExpiring)}
    assert steps == {90}

    await change(rig, scope=scope, name=name)
    assert await rejudge(rig.pool) == len(concerned)
    assert set((await warnings(rig)).values()) == {30}
    assert await sweep(rig.pool, rig.outbox) == 0


async def test_a_later_scan_judges_by_the_rules_new_items_and_changed_tags_too(rig: Rig) -> None:
    await an_estate(rig)
    await change(rig, scope=Scope.TAG, name="tier=gold", warning_days=60, critical_days=10)
    items = rig.cloud.of("kv-pay")
    items[0] = structs.replace(items[0], tags={"tier": "gold"})
    items[1] = structs.replace(items[1], tags={})
    items.append(an_item("new", expires_on=TODAY + 80 * DAY, tags={"tier": "gold"}))
    await rig.scan()

    assert await warnings(rig) == {"plain": 60, "gold": 30, "new": 60, "far": 30, "ci": 30}
    assert await rejudge(rig.pool) == 0


async def test_of_two_requests_the_one_that_was_published_later_counts(
    rig: Rig, database: Database
) -> None:
    await an_estate(rig)
    early = a_message(ThresholdChangeRequested)
    late = replace(a_message(ThresholdChangeRequested), time=early.time + timedelta(seconds=1))

    await change(rig, late, scope=Scope.GLOBAL, warning_days=60, critical_days=10)
    await change(rig, early, scope=Scope.GLOBAL, warning_days=20, critical_days=5)
    await change(rig, late, scope=Scope.GLOBAL, warning_days=60, critical_days=10)
    await rejudge(rig.pool)

    assert set((await warnings(rig)).values()) == {60}
    async with database.connection() as admin:
        entries = await admin.fetch(
            "SELECT after FROM audit.entry WHERE action = $1 AND correlation_id = ANY ($2)",
            Action.THRESHOLD_CHANGED.value,
            [early.correlation_id, late.correlation_id],
        )
    assert [row["after"] for row in entries] == ["60 and 10 days"]


async def test_a_rule_taken_back_does_not_return_with_an_older_message(rig: Rig) -> None:
    await an_estate(rig)
    early = a_message(ThresholdChangeRequested)
    late = replace(a_message(ThresholdChangeRequested), time=early.time + timedelta(seconds=1))

    await change(rig, late, scope=Scope.GLOBAL)
    await change(rig, early, scope=Scope.GLOBAL, warning_days=20, critical_days=5)
    await rejudge(rig.pool)

    assert set((await warnings(rig)).values()) == {30}
    assert await rig.pool.fetch("SELECT scope FROM scanner.v_threshold") == []


async def test_a_rule_that_cannot_be_meant_is_laid_aside_with_a_sentence(rig: Rig) -> None:
    with pytest.raises(PermanentError, match=r"together, or neither\."):
        await change(rig, scope=Scope.GLOBAL, warning_days=20)
    with pytest.raises(PermanentError, match="must be longer than the critical one"):
        await change(rig, scope=Scope.GLOBAL, warning_days=5, critical_days=7)

    assert await rig.pool.fetchval("SELECT count(*) FROM scanner.threshold") == 0


async def test_judging_anew_goes_on_where_it_was_ended(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rejudging, "BATCH", 4)
    rig.cloud.put(a_vault(), *(an_item(f"s{n}", expires_on=TODAY + 80 * DAY) for n in range(10)))
    await rig.scan()
    await change(rig, scope=Scope.GLOBAL, warning_days=60, critical_days=10)
    judged = rejudging._judge
    calls: list[int] = []

    async def dies_in_the_second_batch(conn: Any, items: Any, base: Any) -> int:
        calls.append(len(items))
        if len(calls) == 2:
            raise CrashedError
        return await judged(conn, items, base)

    monkeypatch.setattr(rejudging, "_judge", dies_in_the_second_batch)
    with pytest.raises(CrashedError):
        await rejudge(rig.pool)
    assert sorted((await warnings(rig)).values()) == [30] * 6 + [60] * 4
    assert await rig.pool.fetchval("SELECT bool_or(applied) FROM scanner.v_threshold") is False

    assert await rejudge(rig.pool) == 6
    assert calls == [4, 4, 4, 2, 0], "the last one is the directory's"
    assert await rig.pool.fetchval("SELECT bool_and(applied) FROM scanner.v_threshold") is True


async def test_replicas_judge_anew_once(rig: Rig) -> None:
    await an_estate(rig)
    await change(rig, scope=Scope.GLOBAL, warning_days=60, critical_days=10)

    changed = await asyncio.gather(*(rejudge(rig.pool) for _ in range(3)))

    assert sum(changed) == 4


async def test_a_rule_waits_for_a_scan_that_is_being_written_by_the_former_ones(rig: Rig) -> None:
    """Otherwise rows that nobody sees yet would be judged by a rule that is no more."""
    await an_estate(rig)
    async with rig.pool.transaction() as writing:
        await locks.lock_rules(writing)
        async with rig.pool.transaction() as other:
            await locks.lock_rules(other)  # scans do not wait for one another
        rule = asyncio.create_task(
            change(rig, scope=Scope.GLOBAL, warning_days=60, critical_days=10)
        )
        await eventually(partial(waiting, rig, 1))
        assert not rule.done()
    await rule

    assert await rejudge(rig.pool) == 4


async def move(rig: Rig, subscription_id: str) -> None:
    """Move the first vault to another subscription, and let a scan's plan find it there."""
    rig.cloud.vaults_seen[0] = a_vault(subscription_id=subscription_id)
    await rig.request()


async def test_a_vault_that_moves_is_judged_by_the_rule_of_where_it_is_though_nothing_in_it_changed(
    rig: Rig,
) -> None:
    await an_estate(rig)
    await change(rig, scope=Scope.SUBSCRIPTION, name=WEST, warning_days=90, critical_days=10)
    await rejudge(rig.pool)

    rig.cloud.vaults_seen[0] = a_vault(subscription_id=WEST)
    scan_id = await rig.scan()
    assert (await rig.outcome_of(scan_id, "kv-pay"))["changed"] == 0
    assert await rejudge(rig.pool) == 2
    assert await warnings(rig) == {"plain": 90, "gold": 90, "far": 90, "ci": 30}

    await move(rig, EAST)
    assert await rejudge(rig.pool) == 2
    assert await warnings(rig) == {"plain": 30, "gold": 30, "far": 90, "ci": 30}


async def test_between_two_subscriptions_with_rules_the_windows_change_from_one_to_the_other(
    rig: Rig,
) -> None:
    await an_estate(rig)
    for name, days in ((EAST, 60), (WEST, 90)):
        await change(rig, scope=Scope.SUBSCRIPTION, name=name, warning_days=days, critical_days=10)
    await rejudge(rig.pool)

    await move(rig, WEST)

    assert not await rig.pool.fetchval("SELECT bool_or(applied) FROM scanner.v_threshold")
    assert await rejudge(rig.pool) == 2
    assert set((await warnings(rig)).values()) == {90, 30}
    assert await rig.pool.fetchval("SELECT bool_and(applied) FROM scanner.v_threshold")


async def test_a_vault_that_moves_where_no_rule_is_or_was_makes_no_work(rig: Rig) -> None:
    await an_estate(rig)
    await change(rig, scope=Scope.SUBSCRIPTION, name=WEST, warning_days=90, critical_days=10)
    await change(rig, scope=Scope.SUBSCRIPTION, name=WEST)
    await change(rig, scope=Scope.GLOBAL, warning_days=60, critical_days=10)
    await rejudge(rig.pool)

    await move(rig, WEST)

    assert await rig.pool.fetchval("SELECT count(*) FROM scanner.threshold_backlog") == 0


async def test_a_rule_that_is_set_while_a_vault_moves_in_reaches_its_items_too(rig: Rig) -> None:
    await an_estate(rig)
    async with rig.pool.transaction() as moving:
        await save_vaults(moving, [a_vault(subscription_id=WEST)], await rig.request())
        rule = asyncio.create_task(
            change(rig, scope=Scope.SUBSCRIPTION, name=WEST, warning_days=90, critical_days=10)
        )
        await eventually(partial(waiting, rig, 1))
    await rule

    assert await rejudge(rig.pool) == 3
    assert await warnings(rig) == {"plain": 90, "gold": 90, "far": 90, "ci": 30}


async def test_a_move_that_waits_for_a_vault_that_is_being_written_keeps_no_rule_waiting(
    rig: Rig,
) -> None:
    await an_estate(rig)
    vault_id = int(await number_of(rig, "vault", "kv-pay"))
    async with rig.pool.transaction() as writing:
        await locks.lock_vault(writing, vault_id)
        moving = asyncio.create_task(move(rig, WEST))
        await eventually(partial(waiting, rig, 1))
        rule = asyncio.create_task(
            change(rig, scope=Scope.SUBSCRIPTION, name=WEST, warning_days=90, critical_days=10)
        )

        async def is_stored() -> bool:
            return rule.done()

        await eventually(is_stored)
        await locks.lock_rules(writing)
        assert not moving.done()
    await asyncio.gather(moving, rule)

    assert await rejudge(rig.pool) == 3
    assert await warnings(rig) == {"plain": 90, "gold": 90, "far": 90, "ci": 30}


async def test_the_sessions_time_zone_is_utc_so_that_a_day_has_24_hours(rig: Rig) -> None:
    """`interval '90 days'` over a change to summer time is 89 days and 23 hours elsewhere."""
    assert await rig.pool.fetchval("SHOW timezone") == "UTC"
