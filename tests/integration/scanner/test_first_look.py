"""The first look: one scan for a new installation, none for one that has scanned."""

import asyncio

from services.scanner.steps.first_look import FIRST_SCAN, request_first_scan
from tests.support.scanner import Rig


async def test_replicas_that_start_together_ask_for_one_and_the_same_scan(rig: Rig) -> None:
    await asyncio.gather(*(request_first_scan(rig.pool, rig.outbox) for _ in range(3)))
    await rig.request(scan_id=FIRST_SCAN)

    assert await rig.pool.fetchval("SELECT array_agg(id) FROM scanner.scan") == [FIRST_SCAN]


async def test_an_installation_that_has_scanned_is_left_alone(rig: Rig) -> None:
    await request_first_scan(rig.pool, rig.outbox)
    await rig.request(scan_id=FIRST_SCAN)

    assert await request_first_scan(rig.pool, rig.outbox) is False
