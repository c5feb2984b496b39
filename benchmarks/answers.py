"""What the gateway adds to an answer: signing in, rights, limits, headers, traces and metrics.

Each request goes to the gateway and to bare Starlette in turns, over one kept connection to each,
by a client that does next to nothing.
"""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.databases import Database, fresh, server
from benchmarks.gateway import Gateway, gateway
from benchmarks.inventory import load
from benchmarks.lines import Bound, Line, percentile
from benchmarks.processes import Child, child
from benchmarks.registry import Wanted
from shared.ports import free_port

REQUESTS: Final = 1000
WARMING: Final = 100
ITEMS: Final = 100_000
MOST: Final = 1.6
START_SECONDS: Final = 30.0
PATHS: Final = {
    "gateway-health": "/health/live",
    "gateway-read": "/api/v1/auth/me",
    "gateway-page": "/api/v1/items?limit=100",
}


@dataclass(slots=True)
class Wire:
    """One kept HTTP/1.1 connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    token: str

    async def get(self, path: str) -> float:
        """Return the milliseconds of one answer, from the first byte out to the last one in."""
        head = f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: {self.token}\r\n\r\n"
        began = time.perf_counter()
        self.writer.write(head.encode())
        answer = await self.reader.readuntil(b"\r\n\r\n")
        status, _, rest = answer.partition(b"\r\n")
        length = rest.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        await self.reader.readexactly(int(length))
        took = (time.perf_counter() - began) * 1000
        if b" 200 " not in status:
            raise RuntimeError(f"{path} was answered with {status.decode()}.")
        return took


async def answers(wanted: Wanted) -> AsyncIterator[Line]:
    """Measure each kind of answer beside bare Starlette."""
    with tempfile.TemporaryDirectory(prefix="certifyclouds-bench-") as folder:
        async with server() as cluster, fresh(cluster) as database:
            await load(database, ITEMS)
            async with (
                gateway(database, Path(folder), ()) as ours,
                bare(database, Path(folder)) as (reference, port),
                wire(ours.port, ours.token) as here,
                wire(port, "") as there,
            ):
                for bench, path in PATHS.items():
                    if wanted(bench):
                        yield await _measure(bench, path, (ours, here), (reference, there))


async def _measure(
    bench: str, path: str, ours: tuple[Gateway, Wire], reference: tuple[Child, Wire]
) -> Line:
    times: tuple[list[float], list[float]] = ([], [])
    before = ours[0].process.cpu(), reference[0].cpu()
    for number in range(WARMING + REQUESTS):
        took = await ours[1].get(path), await reference[1].get(path)
        if number >= WARMING:
            times[0].append(took[0])
            times[1].append(took[1])
    spent = ours[0].process.cpu() - before[0], reference[0].cpu() - before[1]
    return Line(
        bench=bench,
        ours=percentile(times[0], 0.5),
        reference=percentile(times[1], 0.5),
        unit="ms",
        what=(
            f"GET {path}, median of {REQUESTS} in turns; reference: bare Starlette with the same"
            " statements and body"
        ),
        bounds=(Bound(figure="ratio", most=MOST),),
        figures={
            "p99": percentile(times[0], 0.99),
            "reference_p99": percentile(times[1], 0.99),
            "cpu": spent[0],
            "reference_cpu": spent[1],
        },
    )


@asynccontextmanager
async def bare(database: Database, folder: Path) -> AsyncIterator[tuple[Child, int]]:
    """Run bare Starlette until the block ends; yields it with its port."""
    async with database.connection() as conn:
        row = await conn.fetchrow("SELECT id, user_id FROM gateway.session LIMIT 1")
    assert row, "somebody is signed in"
    port = free_port()
    url = database.url("gateway")
    argv = ["benchmarks.reference_starlette", str(port), url, str(row["id"]), str(row["user_id"])]
    async with child("starlette", argv, folder) as process:
        async with asyncio.timeout(START_SECONDS):
            while not await _listens(port):
                process.ensure_alive()
                await asyncio.sleep(0.05)
        yield process, port


@asynccontextmanager
async def wire(port: int, token: str) -> AsyncIterator[Wire]:
    """Keep a connection open until the block ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Wire(reader, writer, token)
    finally:
        writer.close()


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True
