"""Alerting as it runs: joined to a real bus, looking by itself, and refusing nothing it hears."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from services.alerting.app import build
from services.alerting.schedule import look_again_and_again
from services.alerting.settings import Settings
from services.alerting.steps import Desk
from shared.bus import Bus
from shared.clock import utc_now
from shared.events import LicenseChanged, SecretExpiring
from shared.events.licensing import LicenseState
from tests.support.alerting import NOW, Estate

ALERTS = "SELECT state FROM alerting.v_alert"
INBOX = "SELECT handler FROM alerting.inbox ORDER BY handler"


async def until(estate: Estate, sql: str, count: int) -> list[dict[str, Any]]:
    """Wait until a query returns so many rows."""
    async with asyncio.timeout(30):
        while len(rows := await estate.rows(sql)) < count:  # noqa: ASYNC110 - rows wake nobody
            await asyncio.sleep(0.05)
    return rows


async def test_what_the_scanner_announces_becomes_an_alert(estate: Estate) -> None:
    ref = await estate.add(days=(utc_now() - NOW) / timedelta(days=1) + 5)
    (item,) = await estate.rows("SELECT expires_on FROM scanner.item")
    event = SecretExpiring(
        credential=ref, expires_on=item["expires_on"], threshold_days=7, status="critical"
    )
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(estate.database.pool("alerting"))
        publisher = await stack.enter_async_context(estate.database.pool("scanner"))
        bus = Bus("", service="alerting", pool=pool, poll_seconds=0.1)
        parts: Any = SimpleNamespace(
            pool=pool,
            bus=bus,
            clock=utc_now,
            settings=Settings.model_construct(look_seconds=900),
            add_task=lambda *_: None,
        )
        await build(parts)
        await bus.start()
        stack.push_async_callback(bus.stop)

        scanner = Bus("", service="scanner", pool=publisher)
        async with publisher.transaction() as conn:
            await scanner.emit(event, connection=conn)
            await scanner.emit(LicenseChanged(state=LicenseState.VALID), connection=conn)

        assert await until(estate, ALERTS, 1) == [{"state": "raised"}]
        assert [row["handler"] for row in await until(estate, INBOX, 2)] == [
            "on_secret_expiring",
            "on_without_rule",
        ]


async def test_alerting_looks_at_its_start(
    estate: Estate, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await estate.add()

    async def no_second_look(_: float) -> None:
        raise asyncio.CancelledError

    monkeypatch.setattr("services.alerting.schedule.asyncio.sleep", no_second_look)
    with pytest.raises(asyncio.CancelledError):
        await look_again_and_again(desk, 900)

    monkeypatch.undo()
    assert len(await estate.rows(ALERTS)) == 1
