"""The live stream as a reader sees it, and events that happen to a gateway."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx

from services.gateway.handlers import on_event
from shared.bus import Message
from shared.clock import utc_now
from shared.events import VaultScanned
from shared.events.scanning import VaultOutcome
from shared.service.http import serve_http
from tests.support.gateway import Gateway

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
