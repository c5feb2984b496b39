"""Our side of the bus benchmarks: `python -m benchmarks.bus_client WHAT BUS_URL DATABASE COUNT`.

DATABASE is the database's address with `{role}` where the role's name and password stand. Telemetry
and inbox are on, as in a service; spans are made and thrown away.
"""

import asyncio
import gc
import resource
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final
from uuid import uuid4

import orjson
import uvloop
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from shared.bus import Bus, Message, inbox
from shared.database import Pool, create_pool
from shared.events import ScanRequested
from shared.telemetry import configure_logging

WORKERS: Final = 10
EMITTED_AT_ONCE: Final = 200
HANDLER_SECONDS: Final = 1.0
CONSUMER: Final = "scanner"
PUBLISHER: Final = "gateway"


class Nowhere(SpanExporter):
    """Takes spans and keeps none."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        del spans
        return SpanExportResult.SUCCESS


@asynccontextmanager
async def service(url: str, database: str, name: str) -> AsyncIterator[tuple[Bus, Pool]]:
    """Yield a service's bus and pool, with as many connections as it has workers and a few more."""
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(Nowhere()))
    pool = await create_pool(database.replace("{role}", name), service=name, max_size=WORKERS + 4)
    gc.freeze()  # as a service does when it has started
    try:
        yield Bus(url, service=name, pool=pool, tracer_provider=provider), pool
    finally:
        await pool.close()
        provider.shutdown()


async def fill(url: str, database: str, count: int) -> dict[str, Any]:
    """Put `count` events on the bus, and wait until they have left the outbox."""
    async with service(url, database, PUBLISHER) as (bus, pool):
        for begin in range(0, count, EMITTED_AT_ONCE):
            async with pool.transaction() as conn:
                for _ in range(min(EMITTED_AT_ONCE, count - begin)):
                    await bus.emit(an_event(), connection=conn)
        if url:
            began = time.perf_counter()
            await bus.start()
            while await outbox(bus):
                await asyncio.sleep(0.05)
            relayed = time.perf_counter() - began
            await bus.stop()
            return {"relayed_per_s": count / relayed}
    return {}


async def outbox(bus: Bus) -> int:
    """Return how many events have not left the outbox."""
    relay = [one for one in await bus.operator.depths() if one.queue == "relay"]
    return sum(one.ready + (one.in_flight or 0) for one in relay)


async def consume(url: str, database: str, count: int) -> dict[str, Any]:
    """Handle `count` waiting events, each with one insert; time the first to the last."""
    async with service(url, database, CONSUMER) as (bus, pool):
        handled: list[float] = []
        ended = asyncio.Event()

        @bus.on(ScanRequested, workers=WORKERS)
        async def handle(event: ScanRequested, message: Message) -> None:
            await insert(pool, event, message)
            handled.append(time.perf_counter())
            if len(handled) == count:
                ended.set()

        await bus.start()
        await ended.wait()
        await bus.stop()
    return {"per_s": (count - 1) / (handled[-1] - handled[0]), "cpu": cpu()}


async def stop(url: str, database: str, count: int) -> dict[str, Any]:
    """Stop while every worker handles; then let another process of the service do the rest.

    What were left locked would come to the other one only when its lock ends.
    """
    async with service(url, database, CONSUMER) as (bus, pool):
        begun, handled = [], set()

        @bus.on(ScanRequested, workers=WORKERS)
        async def handle(event: ScanRequested, message: Message) -> None:
            begun.append(time.perf_counter())
            await asyncio.sleep(HANDLER_SECONDS)
            await insert(pool, event, message)
            handled.add(event.scan_id)

        await bus.start()
        while len(begun) < WORKERS:
            await asyncio.sleep(0.005)
        began = time.perf_counter()
        await bus.stop()
        beyond = time.perf_counter() - max(began, max(begun) + HANDLER_SECONDS)
    async with service(url, database, CONSUMER) as (bus, pool):
        began = time.perf_counter()

        @bus.on(ScanRequested, workers=WORKERS)
        async def go_on(event: ScanRequested, message: Message) -> None:
            await insert(pool, event, message)
            handled.add(event.scan_id)

        first = len(handled)
        await bus.start()
        while len(handled) < count:
            await asyncio.sleep(0.005)
        rest = time.perf_counter() - began
        await bus.stop()
    return {"beyond_s": beyond, "left_after_s": rest, "handled": first}


async def insert(pool: Pool, event: ScanRequested, message: Message) -> None:
    """Do the handler's work: once for each event."""
    async with pool.transaction() as conn:
        if await inbox.claim(conn, message, "benchmark"):
            await conn.execute("INSERT INTO scanner.benchmark (id) VALUES ($1)", event.scan_id)


async def latency(url: str, database: str, count: int) -> dict[str, Any]:
    """Emit one event after the other; time each commit to its handler."""
    arrived: asyncio.Queue[float] = asyncio.Queue()
    waits: list[float] = []
    async with (
        service(url, database, CONSUMER) as (consumer, _),
        service(url, database, PUBLISHER) as (publisher, pool),
    ):

        @consumer.on(ScanRequested)
        async def handle(_: ScanRequested, __: Message) -> None:
            arrived.put_nowait(time.perf_counter())

        await consumer.start()
        await publisher.start()
        for _ in range(count):
            async with pool.transaction() as conn:
                await publisher.emit(an_event(), connection=conn)
                committed = time.perf_counter()
            waits.append(await arrived.get() - committed)
            await asyncio.sleep(0.01)  # so that nothing is awake for the one before
        await publisher.stop()
        await consumer.stop()
    return {"ms": [wait * 1000 for wait in waits]}


def an_event() -> ScanRequested:
    return ScanRequested(scan_id=uuid4(), requested_by="a benchmark")


def cpu() -> float:
    """Return this process's CPU seconds so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


WHAT: Final[dict[str, Callable[[str, str, int], Coroutine[Any, Any, dict[str, Any]]]]] = {
    "fill": fill,
    "consume": consume,
    "stop": stop,
    "latency": latency,
}

if __name__ == "__main__":
    configure_logging("ERROR", "json")
    what, url, database, count = sys.argv[1:]
    found = uvloop.run(WHAT[what](url, database, int(count)))
    sys.stdout.buffer.write(orjson.dumps(found))
