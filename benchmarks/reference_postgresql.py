"""The plain client: `python -m benchmarks.reference_postgresql WHAT BUS_URL DATABASE COUNT`.

A queue by hand: each worker leases the oldest row, claims and inserts in one transaction, then
deletes the row. The same promises as ours, for one queue, without telemetry, retry, dead letters.
"""

import asyncio
import sys
import time
from typing import Any
from uuid import uuid4

import asyncpg
import orjson
import uvloop

from benchmarks.bus_client import CONSUMER, WORKERS, cpu

LEASE = """
    UPDATE scanner.benchmark_queue SET visible_at = now() + interval '30 s'
     WHERE seq = (SELECT seq FROM scanner.benchmark_queue WHERE visible_at <= now()
                   ORDER BY seq LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING seq, message_id, body
"""
CLAIM = (
    "INSERT INTO scanner.inbox (message_id, handler) VALUES ($1, 'benchmark')"
    " ON CONFLICT DO NOTHING RETURNING true"
)
DELETE = "DELETE FROM scanner.benchmark_queue WHERE seq = $1"


async def consume(url: str, database: str, count: int) -> dict[str, Any]:
    del url
    pool = await asyncpg.create_pool(database.replace("{role}", CONSUMER), max_size=WORKERS)
    handled: list[float] = []

    async def work() -> None:
        async with pool.acquire() as conn:
            while row := await conn.fetchrow(LEASE):
                event = orjson.loads(row["body"])
                async with conn.transaction():
                    if await conn.fetchval(CLAIM, row["message_id"]):
                        sql = "INSERT INTO scanner.benchmark (id) VALUES ($1)"
                        await conn.execute(sql, event["scan_id"])
                await conn.execute(DELETE, row["seq"])
                handled.append(time.perf_counter())

    async with pool:
        rows = [(uuid4(), orjson.dumps({"scan_id": uuid4()}).decode()) for _ in range(count)]
        sql = "INSERT INTO scanner.benchmark_queue (message_id, body) VALUES ($1, $2)"
        await pool.executemany(sql, rows)
        await asyncio.gather(*(work() for _ in range(WORKERS)))
    return {"per_s": (count - 1) / (handled[-1] - handled[0]), "cpu": cpu()}


async def latency(url: str, database: str, count: int) -> dict[str, Any]:
    arrived, waits = asyncio.Event(), []
    url = database.replace("{role}", CONSUMER)
    hearing, sending = await asyncpg.connect(url), await asyncpg.connect(url)
    await hearing.add_listener("benchmark", lambda *_: arrived.set())
    for _ in range(count):
        arrived.clear()
        async with sending.transaction():
            sql = "INSERT INTO scanner.benchmark_queue (message_id, body) VALUES ($1, '{}')"
            await sending.execute(sql, uuid4())
            await sending.execute("SELECT pg_notify('benchmark', '')")
            began = time.perf_counter()
        await arrived.wait()
        row = await hearing.fetchrow(LEASE)
        waits.append(time.perf_counter() - began)
        assert row is not None
        await hearing.execute(DELETE, row["seq"])
        await asyncio.sleep(0.01)
    return {"ms": [wait * 1000 for wait in waits]}


if __name__ == "__main__":
    what, url, database, count = sys.argv[1:]
    run = {"consume": consume, "latency": latency}[what]
    sys.stdout.buffer.write(orjson.dumps(uvloop.run(run(url, database, int(count)))))
