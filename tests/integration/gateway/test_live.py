"""The live stream: a snapshot, then every event once and in order, on every replica."""

import asyncio
import json
from ipaddress import ip_address
from pathlib import Path

import pytest

from services.gateway.domain.caller import Caller
from services.gateway.domain.role import Role
from services.gateway.domain.session import Carrier
from services.gateway.steps.live import LiveStream
from tests.support.database import Database
from tests.support.gateway import ORIGIN, Gateway, running_gateway
from tests.support.watching import happen, scanned, serving, watching

SECONDS = 20


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
