"""Another broker: `python -m benchmarks.other_servicebus consume BUS_URL DATABASE COUNT`.

faststream-azure-servicebus with as many workers as ours and the same transaction: a claim in the
inbox and an insert.
"""

import asyncio
import contextlib
import sys
import time
from typing import Any, Final
from uuid import UUID

import asyncpg
import orjson
import uvloop
from faststream_azure_servicebus import ServiceBusBroker

from benchmarks.bus_client import CONSUMER, WORKERS, cpu
from shared.bus import topology
from shared.bus.servicebus.namespace import Namespace
from shared.events import ScanRequested

QUEUE = topology.queue_name(CONSUMER, ScanRequested)
# What it did not handle by then it does not handle: the figure says how far it came.
PATIENCE_SECONDS: Final = 60.0


async def consume(url: str, database: str, count: int) -> dict[str, Any]:
    pool = await asyncpg.create_pool(database.replace("{role}", CONSUMER), max_size=WORKERS)
    broker = ServiceBusBroker(Namespace.of(url).connection_string, logger=None)
    handled: list[float] = []
    ended = asyncio.Event()

    @broker.subscriber(queue=QUEUE, max_workers=WORKERS, prefetch_count=WORKERS)
    async def handle(body: Any) -> None:  # noqa: ANN401 - as it decodes it
        event = orjson.loads(body) if isinstance(body, bytes | str) else body
        async with pool.acquire() as conn, conn.transaction():
            claimed = await conn.fetchval(
                "INSERT INTO scanner.inbox (message_id, handler) VALUES ($1, 'benchmark')"
                " ON CONFLICT DO NOTHING RETURNING true",
                UUID(event["scan_id"]),
            )
            if claimed:
                sql = "INSERT INTO scanner.benchmark (id) VALUES ($1)"
                await conn.execute(sql, UUID(event["scan_id"]))
        handled.append(time.perf_counter())
        if len(handled) == count:
            ended.set()

    async with pool:
        await broker.start()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), PATIENCE_SECONDS)
        await broker.stop()
    return {
        "per_s": (len(handled) - 1) / (handled[-1] - handled[0]),
        "cpu": cpu(),
        "handled": len(handled),
    }


if __name__ == "__main__":
    what, url, database, count = sys.argv[1:]
    sys.stdout.buffer.write(orjson.dumps(uvloop.run(consume(url, database, int(count)))))
