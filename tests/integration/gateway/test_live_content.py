"""What the live stream tells: every event once, in order, as a sentence."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

from services.gateway.domain.role import Role
from services.gateway.steps.housekeeping import EVENTS_KEPT, tidy
from services.gateway.store import live_events
from shared.clock import utc_now
from shared.events import ScanCompleted, VaultScanned
from shared.events.scanning import ScanOutcome
from tests.support.database import Database
from tests.support.gateway import Gateway
from tests.support.watching import happen, message_of, scanned, serving, watching


async def test_a_redelivered_event_is_shown_once(gateway: Gateway) -> None:
    event = scanned(1)
    message = message_of(event)
    for _ in range(3):
        await happen(gateway, event, message)

    assert len(await live_events.list_events(gateway.pool, after=0)) == 1


async def test_no_event_is_lost_between_writers_of_any_speed(gateway: Gateway) -> None:
    """A reader who asks for what is above its last number misses nothing (trust.md A3)."""
    writers, each, seen = 5, 20, []

    async def write(number: int) -> None:
        async with gateway.pool.transaction() as conn:
            for _ in range(number % 3):
                await conn.execute("SELECT pg_sleep(0.001)")
            event = scanned(number)
            await live_events.add_event(
                conn,
                at=utc_now(),
                type_=event.type,
                message_id=uuid4(),
                correlation_id=uuid4(),
                summary="s",
                data={},
            )
            await conn.execute("SELECT pg_sleep(0.002)")

    async def read(done: asyncio.Event) -> None:
        position = 0
        while True:
            finished = done.is_set()
            for event in await live_events.list_events(gateway.pool, after=position):
                seen.append(event.id)
                position = event.id
            if finished:
                return

    done = asyncio.Event()
    reader = asyncio.create_task(read(done))
    for _ in range(each):
        await asyncio.gather(*(write(number) for number in range(writers)))
    done.set()
    await reader

    assert seen == list(range(1, writers * each + 1))


async def test_the_overview_is_read_anew_when_a_scan_has_ended(gateway: Gateway) -> None:
    overview, hub = gateway.parts.overview, gateway.parts.hub
    first = await overview.get()
    gateway.clock.forward(seconds=14)
    kept = await overview.get()
    hub._woken(VaultScanned.type)
    still = await overview.get()
    hub._woken(ScanCompleted.type)
    anew = await overview.get()
    gateway.clock.forward(seconds=15)
    later = await overview.get()

    assert first is kept is still
    assert anew is not first
    assert later is not anew


async def test_a_reading_that_was_under_way_when_a_scan_ended_is_not_kept(
    gateway: Gateway,
) -> None:
    overview = gateway.parts.overview
    read = overview.read

    async def read_while_a_scan_ends() -> dict[str, Any]:
        value = await read()
        overview.invalidate()
        return value

    overview.read = read_while_a_scan_ends
    first = await overview.get()
    overview.read = read

    assert await overview.get() is not first


async def test_old_events_are_forgotten_and_a_stream_begins_anew(gateway: Gateway) -> None:
    await happen(gateway, scanned(1))
    gateway.clock.forward(days=EVENTS_KEPT / timedelta(days=1) - 1)
    await happen(gateway, scanned(2))
    gateway.clock.forward(days=1, seconds=1)
    await tidy(gateway.pool, gateway.clock)

    assert [event.id for event in await live_events.list_events(gateway.pool, after=0)] == [2]
    assert await live_events.known_range(gateway.pool) == (1, 2)


async def test_what_the_stream_says_is_a_sentence_and_the_event(gateway: Gateway) -> None:
    event = ScanCompleted(
        scan_id=uuid4(),
        outcome=ScanOutcome.COMPLETE,
        vaults=60,
        unreadable=2,
        items=4000,
        added=1,
        changed=0,
        removed=0,
        seconds=3.0,
    )
    await happen(gateway, event)
    [stored] = await live_events.list_events(gateway.pool, after=0)

    assert stored.summary.startswith("Scan complete: 4000 items")
    assert stored.data == event.model_dump(mode="json")


async def test_the_stream_tells_a_running_scans_progress_in_the_numbers_that_polling_gives(
    gateway: Gateway, database: Database
) -> None:
    scan = scanned(1).scan_id
    async with database.connection() as conn:
        await conn.execute(
            """
            INSERT INTO scanner.scan (id, mode, requested_by, requested_at, state, correlation_id)
            VALUES ($1, 'full', 'ada', now(), 'running', gen_random_uuid())
            """,
            scan,
        )
        await conn.execute(
            """
            WITH shard AS (
                INSERT INTO scanner.shard (scan_id, shard_id) VALUES ($1, 1) RETURNING shard_id)
            INSERT INTO scanner.vault (kind, name) SELECT 'directory', 'd' FROM shard
            """,
            scan,
        )
        await conn.execute(
            """
            INSERT INTO scanner.scan_vault (scan_id, vault_id, shard_id, presence, finished_at,
                   outcome, reason)
            SELECT $1, v.id, 1, 'listed', now(), 'denied', 'no role' FROM scanner.vault AS v
            """,
            scan,
        )
    token = await gateway.token(Role.VIEWER)
    async with serving(gateway) as url, watching(url, token) as stream:
        await stream.frame()
        await happen(gateway, scanned(1).model_copy(update={"scan_id": scan}))
        [event] = await stream.events(1)
        async with gateway.client(authorization=f"Bearer {token}") as http:
            polled = (await http.get(f"/api/v1/scans/{scan}")).json()

    progress = event["progress"]
    assert (progress["vaults"], progress["vaults_done"], progress["unreadable"]) == (1, 1, 1)
    assert progress == {name: polled[name] for name in progress}
