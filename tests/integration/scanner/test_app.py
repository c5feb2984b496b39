"""The scanner as it is put together: real bus, real database, and a cloud in memory."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from secrets import token_hex
from typing import Any
from uuid import UUID

import pytest
from opentelemetry.sdk.trace import TracerProvider
from prometheus_client import CollectorRegistry

from services.scanner import app
from services.scanner.adapters import Clouds
from services.scanner.settings import Settings
from shared.bus import Bus
from shared.clouds import cloud_settings
from shared.database import Pool
from shared.events import Event, ScanCompleted, SecretExpiring, VaultScanned
from shared.health import Health
from shared.service import Service
from shared.settings import load_settings
from tests.support.database import Database
from tests.support.details import FakeDetails
from tests.support.permissions import FakeProbes
from tests.support.platform import request_scan
from tests.support.scanner import DAY, NOW, FakeCloud, a_vault, an_item
from tests.support.waiting import eventually

NEEDED = {
    "database_url": "postgresql://scanner:x@localhost/certifyclouds",
    "secret_key": token_hex(32),
    "scan_when_empty": False,
    "scan_schedule": "off",
}


@pytest.fixture
def details() -> FakeDetails:
    """The details that the composition root gets for a vault's."""
    return FakeDetails()


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch, details: FakeDetails) -> FakeCloud:
    """The cloud that the composition root gets for Azure."""
    cloud = FakeCloud()

    @asynccontextmanager
    async def open_clouds(*_: object, **__: object) -> AsyncIterator[Clouds]:
        yield Clouds(
            estate=cloud,
            vaults=cloud,
            details=details,
            directory=cloud,
            permissions=FakeProbes(),
        )

    monkeypatch.setattr(app, "open_clouds", open_clouds)
    return cloud


def a_service(pool: Pool, settings: Any = None) -> Service:
    registry, provider = CollectorRegistry(), TracerProvider()
    return Service(
        name="scanner",
        settings=settings or load_settings(Settings, **NEEDED),
        pool=pool,
        bus=Bus(
            "",
            service="scanner",
            pool=pool,
            registry=registry,
            tracer_provider=provider,
            poll_seconds=0.1,
            stop_seconds=0.2,
        ),
        health=Health(service="scanner", version="0"),
        registry=registry,
        tracer_provider=provider,
    )


@asynccontextmanager
async def running(database: Database) -> AsyncIterator[Service]:
    async with database.pool("scanner", max_size=8) as pool:
        service = a_service(pool)
        async with service.resources:
            await app.build(service)
            await service.bus.start()
            try:
                yield service
            finally:
                await service.bus.stop()


async def completed(pool: Pool, scan_id: UUID) -> bool:
    sql = "SELECT count(*) FROM scanner.v_scan WHERE id = $1 AND state = 'completed'"
    return await pool.fetchval(sql, scan_id) == 1


async def emitted(database: Database, kind: type[Event]) -> int:
    """How many events of this type the gateway's queue got, or was to get."""
    async with database.connection() as admin:
        found: int = await admin.fetchval(
            "SELECT count(*) FROM bus.delivery d JOIN bus.message m ON m.id = d.message_id"
            " WHERE m.type = $1 AND d.queue = 'gateway.' || m.type",
            kind.type,
        )
        return found


async def test_a_requested_scan_runs_to_its_end_on_the_real_bus(
    database: Database, cloud: FakeCloud
) -> None:
    for number in range(12):
        items = [an_item(f"s{n}", expires_on=NOW - DAY) for n in range(number)]
        cloud.put(a_vault(f"kv-{number}"), *items)

    async with running(database) as service:
        scan_id = await request_scan(database)
        await eventually(lambda: completed(service.pool, scan_id))
        assert {task.name for task in service.tasks} == {
            "expiry sweep",
            "scan watchdog",
            "permission doctor",
            "scan schedules",
            "retention",
            "thresholds",
        }

    assert await emitted(database, VaultScanned) == 13
    assert await emitted(database, ScanCompleted) == 1
    assert await emitted(database, SecretExpiring) == 0


async def test_no_listing_waits_for_the_details_of_this_scan_or_another(
    database: Database, cloud: FakeCloud, details: FakeDetails
) -> None:
    """Nothing that is asked of an item comes back; two scans list everything all the same."""
    for number in range(5):
        cloud.put(a_vault(f"kv-{number}", region=f"region-{number}"), an_item("a"))
    details.hold_at = 0

    async with running(database) as service:

        async def is_listed(scan_id: UUID) -> bool:
            sql = "SELECT vaults_done FROM scanner.v_scan WHERE id = $1"
            return await service.pool.fetchval(sql, scan_id) == 6

        first = await request_scan(database)
        await eventually(partial(is_listed, first))
        await details.held.wait()
        cloud.of("kv-0").append(an_item("b"))
        second = await request_scan(database)
        await eventually(partial(is_listed, second))

        assert await service.pool.fetchval("SELECT count(*) FROM scanner.v_item") == 6
        assert not await completed(service.pool, first)
        assert details.asked == []


async def test_a_service_that_ends_in_the_middle_of_a_scan_is_succeeded_by_the_next(
    database: Database, cloud: FakeCloud
) -> None:
    for number in range(6):
        cloud.put(a_vault(f"kv-{number}"), *(an_item(f"s{n}") for n in range(40)))
    cloud.hangs.add("kv-3")
    async with running(database) as service:
        scan_id = await request_scan(database)
        await eventually(lambda: "kv-3" in cloud.reads)
        sql = "SELECT vaults_done FROM scanner.v_scan WHERE id = $1"
        await eventually(lambda: service.pool.fetchval(sql, scan_id), seconds=10)
    cloud.hangs.clear()

    async with running(database) as service:
        await eventually(lambda: completed(service.pool, scan_id))
        assert await service.pool.fetchval("SELECT count(*) FROM scanner.v_item") == 240
        assert await service.pool.fetchval("SELECT count(*) FROM scanner.v_change") == 240

    assert await emitted(database, VaultScanned) == 7
    assert await emitted(database, ScanCompleted) == 1


async def test_the_scan_without_a_database_is_put_together_from_the_same_parts(
    cloud: FakeCloud,
) -> None:
    cloud.put(a_vault(), an_item("a"))

    steps = [step async for step in app.scan_directly(cloud_settings("public"), clock=lambda: NOW)]

    assert len(steps) == 4


async def test_the_scanner_refuses_the_settings_of_another_service(pool: Pool) -> None:
    with pytest.raises(TypeError, match="its own settings"):
        await app.build(a_service(pool, settings=object()))
