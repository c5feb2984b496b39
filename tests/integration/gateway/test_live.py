"""The live stream: a snapshot, then every event once and in order, on every replica."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from services.gateway.domain.caller import Caller
from services.gateway.domain.role import Role
from services.gateway.domain.session import Carrier
from services.gateway.handlers import on_event
from services.gateway.steps.housekeeping import EVENTS_KEPT, tidy
from services.gateway.steps.live import LiveStream
from services.gateway.store import live_events
from shared.bus import Message
from shared.clock import utc_now
from shared.events import ScanCompleted, VaultScanned
from shared.events.scanning import ScanOutcome, VaultOutcome
from shared.service.http import serve_http
from tests.support.database import Database
from tests.support.gateway import ORIGIN, Gateway, running_gateway

SECONDS = 20


@dataclass
class Reader:
    """Reads one stream's frames as they come."""

    lines: AsyncIterator[str]
    ids: list[int] = field(default_factory=list)

    async def frame(self) -> dict[str, str]:
        """Return the next frame that is not a comment; {} at the end."""
        found: dict[str, str] = {}
        async with asyncio.timeout(SECONDS):
            async for line in self.lines:
                if line == "" and ("event" in found or "data" in found):
                    return found
                name, _, value = line.partition(": ")
                if name and line:
                    found[name] = value
        return found

    async def events(self, count: int) -> list[dict[str, Any]]:
        """Return the next events' data, and note their ids."""
        found = []
        while len(found) < count:
            frame = await self.frame()
            assert frame, "the stream ended"
            self.ids.append(int(frame["id"]))
            found.append(json.loads(frame["data"]))
        return found


def scanned(number: int) -> VaultScanned:
    return VaultScanned(
        scan_id=uuid4(), vault_id=number, vault_name=f"kv-{number}", outcome=VaultOutcome.OK
    )


def message_of(event: Any, message_id: Any = None) -> Message:
    return Message(
        id=message_id or uuid4(),
        type=event.type,
        source="scanner",
        time=utc_now(),
        correlation_id=uuid4(),
        causation_id=None,
        attempt=0,
        queue=f"gateway.{event.type}",
    )


async def happen(gateway: Gateway, event: Any, message: Message | None = None) -> None:
    """Handle an event as the bus would."""
    await on_event(event, message or message_of(event), pool=gateway.pool, clock=gateway.clock)


@asynccontextmanager
async def serving(gateway: Gateway) -> AsyncIterator[str]:
    """Serve a replica on a real port, its hub listening."""
    hub = asyncio.create_task(gateway.parts.hub.run())
    try:
        async with serve_http(gateway.public.app, host="127.0.0.1", port=0) as port:
            yield f"http://127.0.0.1:{port}"
    finally:
        hub.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await hub


@asynccontextmanager
async def watching(url: str, token: str, **headers: str) -> AsyncIterator[Reader]:
    """Open a stream over a real connection."""
    async with (
        httpx.AsyncClient(base_url=url, timeout=SECONDS, trust_env=False) as http,
        http.stream(
            "GET", "/api/v1/events", headers={"authorization": f"Bearer {token}", **headers}
        ) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield Reader(answer.aiter_lines())


async def test_two_replicas_streams_both_deliver_every_event(
    database: Database, tmp_path: Path
) -> None:
    (tmp_path / "b").mkdir()
    async with (
        running_gateway(database, tmp_path) as one,
        running_gateway(database, tmp_path / "b") as two,
        serving(one) as first_url,
        serving(two) as second_url,
    ):
        token = await one.token(Role.VIEWER)
        async with watching(first_url, token) as first, watching(second_url, token) as second:
            assert (await first.frame())["event"] == "snapshot"
            assert (await second.frame())["event"] == "snapshot"
            await asyncio.gather(
                *(happen(one if n % 2 else two, scanned(n)) for n in range(20)),
            )
            from_first, from_second = await first.events(20), await second.events(20)

    assert from_first == from_second
    assert first.ids == second.ids == sorted(first.ids)
    assert {event["data"]["vault_id"] for event in from_first} == set(range(20))


async def test_a_stream_goes_on_after_the_last_event_that_was_seen(
    database: Database, tmp_path: Path
) -> None:
    async with running_gateway(database, tmp_path) as gateway, serving(gateway) as url:
        token = await gateway.token(Role.VIEWER)
        for number in range(5):
            await happen(gateway, scanned(number))
        async with watching(url, token, **{"last-event-id": "2"}) as stream:
            snapshot = await stream.frame()
            missed = await stream.events(3)
        async with watching(url, token, **{"last-event-id": "999"}) as stream:
            anew = await stream.frame()

    assert json.loads(snapshot["data"])["resumed"] is True
    assert "id" not in snapshot
    assert [event["id"] for event in missed] == [3, 4, 5]
    assert json.loads(anew["data"])["resumed"] is False
    assert anew["id"] == "5"


async def test_signing_out_ends_the_stream(database: Database, tmp_path: Path) -> None:
    async with running_gateway(database, tmp_path) as gateway, serving(gateway) as url:
        token = await gateway.token(Role.VIEWER)
        async with watching(url, token) as stream:
            assert (await stream.frame())["event"] == "snapshot"
            async with gateway.client(authorization=f"Bearer {token}") as http:
                await http.post("/api/v1/auth/logout")

            assert (await stream.frame())["event"] == "session-ended"
            assert await stream.frame() == {}


async def test_a_gateway_that_stops_ends_its_streams(database: Database, tmp_path: Path) -> None:
    async with running_gateway(database, tmp_path) as gateway:
        async with serving(gateway) as url:
            token = await gateway.token(Role.VIEWER)
            async with watching(url, token) as stream:
                assert (await stream.frame())["event"] == "snapshot"
                gateway.parts.hub.closed = True
                gateway.parts.hub._woken("")

                assert await stream.frame() == {}
        assert gateway.parts.hub.streams == 0


@pytest.fixture
def bell() -> asyncio.Event:
    return asyncio.Event()


def stream_of(gateway: Gateway, ended: list[object]) -> LiveStream:
    """Return a stream that pings at once and ends as `ended` says, one entry per look."""

    async def has_ended() -> object:
        return ended.pop(0)

    parts = gateway.parts
    return LiveStream(
        pool=parts.pool,
        hub=parts.hub,
        overview=parts.overview,
        has_ended=has_ended,
        ping_seconds=0,
    )


async def test_a_quiet_stream_pings(gateway: Gateway, bell: asyncio.Event) -> None:
    stream = stream_of(gateway, [None, None, "expired"])

    frames = [frame async for frame in stream.frames(None, bell)]

    assert frames[0] == b"retry: 2000\n\n"
    assert frames[1].startswith(b"id: 0\nevent: snapshot\n")
    assert frames[2:] == [b": ping\n\n", b": ping\n\n", b"event: session-ended\ndata: {}\n\n"]


async def test_watching_does_not_keep_an_idle_session_alive(gateway: Gateway) -> None:
    token = await gateway.token(Role.VIEWER)
    caller = Caller(
        address=ip_address("198.51.100.99"), is_https=True, own_origin=ORIGIN, user_agent=""
    )
    found = await gateway.parts.authenticate.session(token, Carrier.BEARER, caller)
    assert found is not None
    for _ in range(4):
        gateway.clock.forward(minutes=20)
        ended = await gateway.parts.authenticate.ended(found)

    assert ended == "idle"


async def test_too_many_streams_are_refused(database: Database, tmp_path: Path) -> None:
    async with running_gateway(database, tmp_path, max_streams=1) as gateway:
        held = gateway.parts.hub.open()
        async with await gateway.signed_in(Role.VIEWER) as http:
            refused = await http.get("/api/v1/events")
        gateway.parts.hub.close(held)

    assert refused.status_code == 503
    assert refused.headers["retry-after"] == "30"


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
