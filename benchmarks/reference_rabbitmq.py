"""The plain client: `python -m benchmarks.reference_rabbitmq WHAT BUS_URL DATABASE COUNT`.

aio-pika with a prefetch of as many as there are workers: it parses, claims and inserts in one
transaction, then acknowledges. No telemetry, no retry, no dead letters.
"""

import asyncio
import sys
import time
from typing import Any
from uuid import UUID, uuid4

import aio_pika
import asyncpg
import orjson
import uvloop

from benchmarks.bus_client import CONSUMER, WORKERS, cpu
from shared.bus import amqp, topology
from shared.events import ScanRequested

QUEUE = topology.queue_name(CONSUMER, ScanRequested)


async def consume(url: str, database: str, count: int) -> dict[str, Any]:
    pool = await asyncpg.create_pool(database.replace("{role}", CONSUMER), max_size=WORKERS)
    handled: list[float] = []
    ended = asyncio.Event()

    async def handle(message: aio_pika.abc.AbstractIncomingMessage) -> None:
        event = orjson.loads(message.body)
        async with pool.acquire() as conn, conn.transaction():
            claimed = await conn.fetchval(
                "INSERT INTO scanner.inbox (message_id, handler) VALUES ($1, 'benchmark')"
                " ON CONFLICT DO NOTHING RETURNING true",
                UUID(str(message.headers["ce-id"])),
            )
            if claimed:
                sql = "INSERT INTO scanner.benchmark (id) VALUES ($1)"
                await conn.execute(sql, UUID(event["scan_id"]))
        await message.ack()
        handled.append(time.perf_counter())
        if len(handled) == count:
            ended.set()

    async with pool, await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=WORKERS)
        await (await channel.get_queue(QUEUE)).consume(handle)
        await ended.wait()
    return {"per_s": (count - 1) / (handled[-1] - handled[0]), "cpu": cpu()}


async def latency(url: str, database: str, count: int) -> dict[str, Any]:
    del database
    arrived: asyncio.Queue[float] = asyncio.Queue()
    waits: list[float] = []

    async def handle(message: aio_pika.abc.AbstractIncomingMessage) -> None:
        arrived.put_nowait(time.perf_counter())
        await message.ack()

    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel(publisher_confirms=True)
        await (await channel.get_queue(QUEUE)).consume(handle)
        exchange = await channel.get_exchange(amqp.EXCHANGE)
        for _ in range(count):
            body = orjson.dumps({"scan_id": uuid4()})
            message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
            began = time.perf_counter()
            await exchange.publish(message, ScanRequested.type)
            waits.append(await arrived.get() - began)
            await asyncio.sleep(0.01)
    return {"ms": [wait * 1000 for wait in waits]}


if __name__ == "__main__":
    what, url, database, count = sys.argv[1:]
    run = {"consume": consume, "latency": latency}[what]
    sys.stdout.buffer.write(orjson.dumps(uvloop.run(run(url, database, int(count)))))
