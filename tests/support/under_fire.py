"""One service of a chain of events, in a process that a test may kill at any time.

`python -m tests.support.under_fire SERVICE DATABASE_URL BUS_URL NUMBER`: the gateway asks for
NUMBER scans, the scanner answers each with a scanned vault, and gateway, alerting and syncer hear
of it. The effect of each event on each of them is a row; two effects are two rows. A line on
standard output tells of every message that the inbox dropped because it had come before.
"""

import asyncio
import signal
import sys
from functools import partial
from typing import Final
from uuid import UUID

import asyncpg

from shared.bus import Bus, Message, Retry, inbox
from shared.database import Pool, create_pool
from shared.errors import TransientError
from shared.events import ScanRequested, VaultScanned
from shared.events.scanning import ScanMode, VaultOutcome
from shared.telemetry import configure_logging

BATCH: Final = 50
AHEAD: Final = 1_500
SERVICES: Final = ("gateway", "scanner", "alerting", "syncer")
TABLES: Final = "CREATE TABLE {0}.effect (number integer NOT NULL)"
SENT: Final = "CREATE TABLE gateway.sent (number integer PRIMARY KEY)"
PATIENT: Final = Retry(base=0.2, cap=2.0, transient_attempts=200)


async def scanned(pool: Pool, bus: Bus, event: ScanRequested, message: Message) -> None:
    """Note a scan, and say so in the same transaction."""
    async with pool.transaction() as conn:
        if not await claimed(conn, message):
            return
        await conn.execute("INSERT INTO effect VALUES ($1)", event.scan_id.int)
        answer = VaultScanned(
            scan_id=event.scan_id,
            vault_id=event.scan_id.int,
            vault_name="kv-pay",
            outcome=VaultOutcome.OK,
            items=1,
        )
        await bus.emit(answer, connection=conn)


async def heard(pool: Pool, event: VaultScanned, message: Message) -> None:
    async with pool.transaction() as conn:
        if await claimed(conn, message):
            await conn.execute("INSERT INTO effect VALUES ($1)", event.vault_id)


async def claimed(conn: asyncpg.Connection, message: Message) -> bool:
    new = await inbox.claim(conn, message, "effect")
    if not new:
        sys.stdout.write("dropped\n")
        sys.stdout.flush()
    return new


async def produce(pool: Pool, bus: Bus, number: int) -> None:
    """Ask for scans, a batch to a transaction, and never more ahead than a queue should hold."""
    sent = 0
    while sent < number:
        try:
            sent = await pool.fetchval("SELECT count(*) FROM sent")
            done = await pool.fetchval("SELECT count(*) FROM effect")
            if sent - done < AHEAD:
                await ask(pool, bus, range(sent, min(sent + BATCH, number)))
            else:
                await asyncio.sleep(0.1)
        except TransientError:
            await asyncio.sleep(0.1)


async def ask(pool: Pool, bus: Bus, numbers: range) -> None:
    """Ask for these scans: a batch that was committed without our knowing is refused here."""
    async with pool.transaction() as conn:
        await conn.executemany("INSERT INTO sent VALUES ($1)", [(each,) for each in numbers])
        for each in numbers:
            event = ScanRequested(
                scan_id=UUID(int=each), mode=ScanMode.FULL, requested_by="under fire"
            )
            await bus.emit(event, connection=conn)


async def main(service: str, database_url: str, bus_url: str, number: int) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    pool = await create_pool(database_url, service=service, max_size=10)
    bus = Bus(bus_url, service=service, pool=pool, lease_seconds=3.0)
    if service == "scanner":
        bus.on(ScanRequested, workers=8, retry=PATIENT)(partial(scanned, pool, bus))
    else:
        bus.on(VaultScanned, workers=8, retry=PATIENT)(partial(heard, pool))
    await bus.start()
    producing = asyncio.create_task(produce(pool, bus, number) if service == "gateway" else idle())
    await stop.wait()
    producing.cancel()
    await bus.stop()
    await pool.close()


async def idle() -> None:
    """Ask for nothing."""


if __name__ == "__main__":
    configure_logging("WARNING")
    asyncio.run(main(*sys.argv[1:4], int(sys.argv[4])))
