"""Scheduled scans on the database: one for each time, across replicas, restarts and clocks."""

import asyncio
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import uuid4

import pytest

from services.scanner.domain.recurring import scan_id
from services.scanner.handlers import on_scan_schedule_requested
from services.scanner.settings import Settings
from services.scanner.steps.recur import DEFAULT_SCHEDULE, Scheduler, seed_schedule
from services.scanner.store.locks import Task, try_task
from shared.errors import PermanentError, SettingsError
from shared.events import ScanRequested, ScanScheduleRequested
from shared.settings import load_settings
from tests.support.scanner import CrashedError, Rig, a_message

BEGIN = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def asked(revision: int = 1, **changes: Any) -> ScanScheduleRequested:
    given = {
        "schedule_id": DEFAULT_SCHEDULE,
        "revision": revision,
        "name": "six hours",
        "cron": "0 */6 * * *",
        "requested_by": "ada",
        **changes,
    }
    return ScanScheduleRequested.model_validate(given)


async def hear(rig: Rig, event: ScanScheduleRequested) -> None:
    await on_scan_schedule_requested(event, a_message(ScanScheduleRequested), pool=rig.pool)


@pytest.fixture
def scheduler(rig: Rig) -> Scheduler:
    return Scheduler(pool=rig.pool, outbox=rig.outbox)


async def finish(rig: Rig) -> None:
    """End all scans that were asked for."""
    for event in await rig.outbox.sent(ScanRequested):
        await rig.scan(scan_id=event.scan_id, requested_by=event.requested_by)


async def schedule(rig: Rig) -> dict[str, Any]:
    return await rig.row(
        "SELECT name, next_at, last_at, last_scan_id, last_note, removed_at FROM scanner.v_schedule"
    )


async def test_a_time_that_comes_starts_one_scan_that_runs_to_its_end(
    rig: Rig, scheduler: Scheduler
) -> None:
    await hear(rig, asked(selector="vault:kv-*", mode="delta"))
    assert await scheduler.turn(BEGIN) == 0
    assert await scheduler.turn(BEGIN + 5 * HOUR) == 1
    assert await scheduler.turn(BEGIN + 5 * HOUR) == 0

    [event] = await rig.outbox.sent(ScanRequested)
    due = BEGIN.replace(hour=6)
    assert event.scan_id == scan_id(DEFAULT_SCHEDULE, due)
    assert (event.mode, event.selector) == ("delta", "vault:kv-*")
    await rig.scan(scan_id=event.scan_id)
    row = await rig.row("SELECT state, requested_by, schedule_id, selector FROM scanner.v_scan")
    assert row == {
        "state": "completed",
        "requested_by": "schedule six hours",
        "schedule_id": DEFAULT_SCHEDULE,
        "selector": "vault:kv-*",
    }
    now = await schedule(rig)
    assert (now["last_at"], now["last_scan_id"]) == (due, event.scan_id)
    assert now["next_at"] == due + 6 * HOUR


async def test_replicas_that_look_at_once_start_one_scan(rig: Rig, scheduler: Scheduler) -> None:
    await hear(rig, asked())
    await scheduler.turn(BEGIN)

    await asyncio.gather(*(scheduler.turn(BEGIN + 6 * HOUR) for _ in range(4)))

    assert len(await rig.outbox.sent(ScanRequested)) == 1


async def test_without_the_lease_no_scan_is_started(rig: Rig, scheduler: Scheduler) -> None:
    await hear(rig, asked())
    await scheduler.turn(BEGIN)
    async with rig.pool.transaction() as other:
        assert await try_task(other, Task.SCAN_SCHEDULES)
        assert await scheduler.turn(BEGIN + 6 * HOUR) == 0

    assert await scheduler.turn(BEGIN + 6 * HOUR) == 1


async def test_a_crash_while_a_scan_is_started_loses_no_time_and_doubles_none(
    rig: Rig, scheduler: Scheduler
) -> None:
    await hear(rig, asked())
    await scheduler.turn(BEGIN)
    rig.outbox.crash = ScanRequested
    with pytest.raises(CrashedError):
        await scheduler.turn(BEGIN + 6 * HOUR)
    rig.outbox.crash = None

    assert await scheduler.turn(BEGIN + 6 * HOUR) == 1
    assert len(await rig.outbox.sent(ScanRequested)) == 1


async def test_no_scan_starts_while_the_former_one_runs_and_the_schedule_says_so(
    rig: Rig, scheduler: Scheduler
) -> None:
    await hear(rig, asked())
    await scheduler.turn(BEGIN)
    await scheduler.turn(BEGIN + 6 * HOUR)
    assert await scheduler.turn(BEGIN + 12 * HOUR) == 0
    assert "still ran" in (await schedule(rig))["last_note"]
    await finish(rig)

    assert await scheduler.turn(BEGIN + 18 * HOUR) == 1
    assert (await schedule(rig))["last_note"] is None


async def test_what_was_missed_is_one_scan_and_wrong_clocks_repeat_none(
    rig: Rig, scheduler: Scheduler
) -> None:
    await hear(rig, asked())
    await scheduler.turn(BEGIN)
    now = BEGIN + timedelta(days=9)
    started = []
    for change in (timedelta(), timedelta(days=3653), -timedelta(days=3653), -HOUR, -6 * HOUR):
        now += change
        for _ in range(3):
            started.append(await scheduler.turn(now))
            await finish(rig)

    assert sum(started) == 2
    assert (await schedule(rig))["next_at"] <= now + 6 * HOUR
    ids = [event.scan_id for event in await rig.outbox.sent(ScanRequested)]
    assert len(ids) == len(set(ids))


async def test_a_late_change_does_not_undo_a_later_one(rig: Rig, scheduler: Scheduler) -> None:
    await hear(rig, asked(3, removed=True))
    await hear(rig, asked(2, name="late"))

    assert (await schedule(rig))["removed_at"] is not None
    assert await scheduler.turn(BEGIN) == 0
    assert await scheduler.turn(BEGIN + 7 * HOUR) == 0


async def test_a_changed_rule_makes_up_for_nothing_and_a_disabled_one_rests(
    rig: Rig, scheduler: Scheduler
) -> None:
    await hear(rig, asked())
    await scheduler.turn(BEGIN)
    await hear(rig, asked(2, enabled=False))
    assert await scheduler.turn(BEGIN + 30 * HOUR) == 0
    await hear(rig, asked(3, cron="30 * * * *"))

    assert await scheduler.turn(BEGIN + 30 * HOUR) == 0
    assert await scheduler.turn(BEGIN + 31 * HOUR) == 1


async def test_a_change_that_is_delivered_twice_is_one_change(rig: Rig) -> None:
    message = a_message(ScanScheduleRequested)
    for name in ("first", "second"):
        event = asked(1 if name == "first" else 2, name=name)
        await on_scan_schedule_requested(event, message, pool=rig.pool)

    assert (await schedule(rig))["name"] == "first"


async def test_a_time_whose_record_is_gone_is_still_one_scan(
    rig: Rig, scheduler: Scheduler
) -> None:
    await hear(rig, asked())
    await scheduler.turn(BEGIN)
    await scheduler.turn(BEGIN + 6 * HOUR)
    await finish(rig)
    await rig.pool.execute("DELETE FROM scanner.schedule_run")
    await scheduler.turn(BEGIN)

    assert await scheduler.turn(BEGIN + 6 * HOUR) == 0
    assert len(await rig.outbox.sent(ScanRequested)) == 1


@pytest.mark.parametrize("change", [{"cron": "soon"}, {"selector": "x"}, {"jitter_seconds": -1}])
async def test_a_schedule_that_could_never_run_is_a_dead_letter(
    rig: Rig, change: dict[str, Any]
) -> None:
    with pytest.raises(PermanentError, match="cannot run"):
        await hear(rig, asked(**change))


async def test_the_default_is_seeded_once_and_stays_away_when_it_was_removed(rig: Rig) -> None:
    seeded = await asyncio.gather(*(seed_schedule(rig.pool, "0 3 * * *") for _ in range(3)))
    assert (await schedule(rig))["name"] == "default"
    await hear(rig, asked(2, removed=True))

    assert sum(seeded) == 1
    assert await seed_schedule(rig.pool, "0 3 * * *") is False
    assert (await schedule(rig))["removed_at"] is not None


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("scan_scope", "status:expired", "a vault is read whole or not at all"),
        ("scan_schedule", "daily", "write five fields"),
        ("scan_retention_days", 0, "greater than or equal to 1"),
    ],
)
def test_a_setting_that_cannot_be_used_stops_the_start_with_a_sentence(
    name: str, text: object, sentence: str
) -> None:
    needed = {"database_url": "postgresql://x", "secret_key": uuid4().hex}

    with pytest.raises(SettingsError, match=sentence):
        load_settings(Settings, **{**needed, name: text})


@pytest.mark.parametrize("seed", range(6))
async def test_no_history_of_leaders_crashes_and_clocks_starts_two_scans_for_a_time(
    rig: Rig, seed: int
) -> None:
    chance, now = Random(seed), BEGIN  # noqa: S311 - a history that can be repeated
    await hear(rig, asked(cron="*/30 * * * *", jitter_seconds=600))
    jumps = (HOUR / 12, HOUR / 3, HOUR, -HOUR, 30 * HOUR, timedelta(days=3653), -timedelta(3653))
    for _ in range(25):
        now += chance.choice(jumps)
        rig.outbox.crash = ScanRequested if chance.random() < 0.2 else None
        before = len(await rig.outbox.sent(ScanRequested))
        leaders = [Scheduler(pool=rig.pool, outbox=rig.outbox) for _ in range(2)]
        await asyncio.gather(*(one.turn(now) for one in leaders), return_exceptions=True)
        assert len(await rig.outbox.sent(ScanRequested)) - before <= 1
        if chance.random() < 0.7:
            await finish(rig)
    rig.outbox.crash = None

    runs = await rig.pool.fetch("SELECT due_at, scan_id FROM scanner.schedule_run")
    started = [event.scan_id for event in await rig.outbox.sent(ScanRequested)]
    assert len(started) == len(set(started))
    assert {row["scan_id"] for row in runs if row["scan_id"]} == set(started)
    assert all(row["scan_id"] in {None, scan_id(DEFAULT_SCHEDULE, row["due_at"])} for row in runs)
