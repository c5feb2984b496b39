"""The plain client: `python -m benchmarks.reference_servicebus WHAT BUS_URL DATABASE COUNT`.

azure-servicebus with one receiver per worker: it parses, claims and inserts in one transaction,
then completes. No telemetry, no retry, no dead letters, no renewal of locks.
"""

import asyncio
import sys
import time
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import orjson
import uvloop
from azure.servicebus import ServiceBusMessage, ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusClient

from benchmarks.bus_client import CONSUMER, WORKERS, cpu
from shared.bus import topology
from shared.bus.servicebus import entities
from shared.bus.servicebus.namespace import Namespace
from shared.events import ScanRequested

QUEUE = topology.queue_name(CONSUMER, ScanRequested)


def connected(url: str) -> ServiceBusClient:
    return ServiceBusClient.from_connection_string(Namespace.of(url).connection_string)


async def consume(url: str, database: str, count: int) -> dict[str, Any]:
    pool = await asyncpg.create_pool(database.replace("{role}", CONSUMER), max_size=WORKERS)
    handled: list[float] = []
    ended = asyncio.Event()

    async def work(client: ServiceBusClient) -> None:
        async with client.get_queue_receiver(QUEUE) as receiver:
            async for message in receiver:
                await insert(pool, message)
                await receiver.complete_message(message)
                handled.append(time.perf_counter())
                if len(handled) == count:
                    ended.set()

    async with pool, connected(url) as client:
        working = [asyncio.create_task(work(client)) for _ in range(WORKERS)]
        await ended.wait()
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)
    return {"per_s": (count - 1) / (handled[-1] - handled[0]), "cpu": cpu()}


async def insert(pool: asyncpg.Pool, message: ServiceBusReceivedMessage) -> None:
    event = orjson.loads(b"".join(message.body))
    properties = message.application_properties or {}
    async with pool.acquire() as conn, conn.transaction():
        claimed = await conn.fetchval(
            "INSERT INTO scanner.inbox (message_id, handler) VALUES ($1, 'benchmark')"
            " ON CONFLICT DO NOTHING RETURNING true",
            UUID(bytes.decode(properties[b"ce-id"])),  # type: ignore[arg-type]
        )
        if claimed:
            sql = "INSERT INTO scanner.benchmark (id) VALUES ($1)"
            await conn.execute(sql, UUID(event["scan_id"]))


async def latency(url: str, database: str, count: int) -> dict[str, Any]:
    del database
    arrived: asyncio.Queue[float] = asyncio.Queue()
    waits: list[float] = []

    async def work(client: ServiceBusClient) -> None:
        async with client.get_queue_receiver(QUEUE) as receiver:
            async for message in receiver:
                arrived.put_nowait(time.perf_counter())
                await receiver.complete_message(message)

    async with connected(url) as client, client.get_topic_sender(entities.TOPIC) as sender:
        working = asyncio.create_task(work(client))
        for _ in range(count):
            body = orjson.dumps({"scan_id": uuid4()})
            message = ServiceBusMessage(body, subject=ScanRequested.type, message_id=str(uuid4()))
            began = time.perf_counter()
            await sender.send_messages(message)
            waits.append(await arrived.get() - began)
            await asyncio.sleep(0.01)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
    return {"ms": [wait * 1000 for wait in waits]}


if __name__ == "__main__":
    what, url, database, count = sys.argv[1:]
    run = {"consume": consume, "latency": latency}[what]
    sys.stdout.buffer.write(orjson.dumps(uvloop.run(run(url, database, int(count)))))
