"""A connection that waits for NOTIFY, and comes back when it is lost."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from shared.database.connect import OwnConnection, connect
from shared.database.transient import DATABASE_ERRORS

PROBE_SECONDS: Final = 30.0
FIRST_PAUSE_SECONDS: Final = 0.1
LAST_PAUSE_SECONDS: Final = 5.0

Callback = Callable[[str], None]


@asynccontextmanager
async def listening(
    url: str, service: str, channel: str, callback: Callback
) -> AsyncIterator[None]:
    """Keep listening on `channel` until the context ends."""
    task = asyncio.create_task(_keep(url, service, channel, callback), name=f"listen {channel}")
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _keep(url: str, service: str, channel: str, callback: Callback) -> None:
    pause = FIRST_PAUSE_SECONDS
    while True:
        with contextlib.suppress(OSError, *DATABASE_ERRORS):
            connection = await connect(url, f"{service} listen")
            pause = FIRST_PAUSE_SECONDS
            try:
                await _listen(connection, channel, callback)
            finally:
                connection.terminate()
        await asyncio.sleep(pause)
        pause = min(pause * 2, LAST_PAUSE_SECONDS)


async def _listen(connection: OwnConnection, channel: str, callback: Callback) -> None:
    """Deliver notifications until the connection is lost.

    The probe finds a connection that died silently, as in a fail-over that drops packets.
    """
    lost = asyncio.Event()
    connection.add_termination_listener(lambda _: lost.set())
    await connection.add_listener(channel, lambda *event: callback(str(event[3])))
    callback("")
    while not lost.is_set():
        try:
            # Not `wait_for`: it forgets a cancellation that comes together with the loss.
            async with asyncio.timeout(PROBE_SECONDS):
                await lost.wait()
        except TimeoutError:
            await connection.execute("SELECT 1")
