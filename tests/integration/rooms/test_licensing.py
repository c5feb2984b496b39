"""Licensing of this release: one evaluation, announced once, told again to whoever asks."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from services.licensing.domain.evaluation import begin
from services.licensing.handlers import on_license_refresh_requested
from services.licensing.steps import Desk, announce
from services.licensing.store import claim_evaluation
from shared.events import LicenseChanged, LicenseRefreshRequested
from tests.support.alerting import NOW, Clock, bus_of, message_of
from tests.support.database import Database

PUBLISHED = "SELECT body FROM bus.message ORDER BY created_at, id"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def desk(database: Database, clock: Clock) -> AsyncIterator[Desk]:
    async with database.pool("licensing") as pool:
        yield Desk(pool=pool, bus=bus_of(pool, "licensing"), clock=clock)


async def look(desk: Desk) -> None:
    async with desk.pool.transaction() as conn:
        await announce(desk, conn, asked=False)


async def waits_for_a_lock(database: Database, work: asyncio.Task[None]) -> bool:
    """Say whether the work waits for somebody's lock; False once it has ended without."""
    async with database.connection() as conn:
        while not work.done():
            if await conn.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
                return True
            await asyncio.sleep(0.05)
    return False


async def published(database: Database) -> list[LicenseChanged]:
    async with database.connection() as conn:
        rows = await conn.fetch(PUBLISHED)
    return [LicenseChanged.model_validate_json(row["body"]) for row in rows]


async def test_the_first_start_begins_the_evaluation_and_says_so_once(
    database: Database, desk: Desk
) -> None:
    await asyncio.gather(*(look(desk) for _ in range(4)))

    (event,) = await published(database)
    assert event.state == "evaluation"
    assert event.valid_until == NOW + timedelta(days=30)
    assert "rotation" in event.features


async def test_its_end_is_announced_once_and_a_clock_that_goes_back_changes_nothing(
    database: Database, desk: Desk, clock: Clock
) -> None:
    await look(desk)
    clock.now = NOW + timedelta(days=31)
    await look(desk)
    clock.now = NOW

    await look(desk)

    assert [event.state for event in await published(database)] == ["evaluation", "restricted"]


async def test_a_replica_waits_while_another_one_decides(database: Database, desk: Desk) -> None:
    await look(desk)
    async with desk.pool.transaction() as conn:
        await claim_evaluation(conn, begin(NOW))
        other = asyncio.create_task(look(desk))

        assert await waits_for_a_lock(database, other)
    await other


async def test_who_asks_is_answered_with_the_present_state_once_per_message(
    database: Database, desk: Desk
) -> None:
    await look(desk)
    event = LicenseRefreshRequested(requested_by="ada")
    message = message_of(event, service="licensing")

    await on_license_refresh_requested(event, message, desk=desk)
    await on_license_refresh_requested(event, message, desk=desk)

    assert [event.state for event in await published(database)] == ["evaluation", "evaluation"]


async def test_a_change_is_in_the_audit_log(database: Database, desk: Desk) -> None:
    await look(desk)

    async with database.connection() as conn:
        entries = await conn.fetch("SELECT action, service, after FROM audit.entry")
    assert [tuple(entry) for entry in entries] == [("license:changed", "licensing", "evaluation")]
