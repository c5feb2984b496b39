"""One scan by the real scanner's process, and one by the reference."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Final
from uuid import UUID, uuid4

import asyncpg
import httpx

from benchmarks.clouds import Calls, Sandbox
from benchmarks.databases import Database
from benchmarks.processes import Child, child, result_of
from shared.bus import Bus
from shared.database import create_pool
from shared.events import ScanRequested
from shared.ports import free_port

# So many requests a second on both sides that the budget is not what is measured.
RATE: Final = 100_000
START_SECONDS: Final = 60.0
SCAN_SECONDS: Final = 600.0
POLL_SECONDS: Final = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One scan: seconds, CPU seconds, what it found, and the calls that the sandbox saw."""

    seconds: float
    cpu: float
    items: int
    calls: Calls
    sandbox_cpu: float
    database_cpu: float = 0.0
    peak_mb: float = 0.0


async def reference_scan(sandbox: Sandbox, at_once: int) -> Measured:
    """Let the plain client list all vaults."""
    sandbox.forget_calls()
    before = sandbox.process.cpu()
    argv = ["benchmarks.reference_lister", str(sandbox.ready_file), str(at_once), str(RATE)]
    found = await asyncio.to_thread(result_of, argv, seconds=SCAN_SECONDS)
    return Measured(
        seconds=found["seconds"],
        cpu=found["cpu"],
        items=found["items"],
        calls=sandbox.vault_calls(),
        sandbox_cpu=sandbox.process.cpu() - before,
    )


async def our_scan(
    sandbox: Sandbox, database: Database, folder: Path, at_once: int, *, to_rest: bool = False
) -> Measured:
    """Start the scanner, ask for a scan as the gateway does, and wait until it is committed.

    The time is from the request's transaction to the sight of the completed scan. `to_rest` lets
    the scanner announce all that is near its end before it is stopped.
    """
    async with scanner_of(sandbox, database, folder, at_once) as scanner:
        sandbox.forget_calls()
        before = scanner.cpu(), database.cpu(), sandbox.process.cpu()
        began = time.perf_counter()
        scan_id = await request(database)
        scan = await _completed(database, scan_id, scanner)
        seconds = time.perf_counter() - began
        after = scanner.cpu(), database.cpu(), sandbox.process.cpu()
        peak = scanner.peak_mb()
        async with asyncio.timeout(SCAN_SECONDS):
            while to_rest and not await _idle(database):
                await asyncio.sleep(0.2)
    if scan["outcome"] != "complete":
        raise RuntimeError(f"The scan ended as {scan['outcome']}: {scan['error']}")
    return Measured(
        seconds=seconds,
        cpu=after[0] - before[0],
        items=scan["vault_items"],
        calls=sandbox.vault_calls(),
        sandbox_cpu=after[2] - before[2],
        database_cpu=after[1] - before[1],
        peak_mb=peak,
    )


@asynccontextmanager
async def scanner_of(
    sandbox: Sandbox, database: Database, folder: Path, at_once: int
) -> AsyncIterator[Child]:
    """Run the scanner's process until the block ends; wait until it consumes."""
    port = free_port()
    env = sandbox.variables() | {
        "DATABASE_URL": database.url("scanner"),
        "BUS_URL": "",
        "SECRET_KEY": token_hex(32),
        "INTERNAL_PORT": str(port),
        "LOG_LEVEL": "WARNING",
        "SCAN_WHEN_EMPTY": "false",
        "SCAN_VAULTS_AT_ONCE": str(at_once),
        "SCAN_REQUESTS_PER_SECOND": str(RATE),
        # The second pass asks what the reference does not.
        "SCAN_DETAIL_CALLS": "0",
        "SCAN_DIAGNOSTICS": "false",
        "PERMISSION_CHECK_HOURS": "0",
        "SCAN_SCHEDULE": "off",
        # Announcing what is near its end follows a scan and is no part of it.
        "SWEEP_SECONDS": "86400",
    }
    async with child("scanner", ["services.scanner"], folder, env) as process:
        async with asyncio.timeout(START_SECONDS), httpx.AsyncClient(trust_env=False) as http:
            while not await _started(http, port):
                process.ensure_alive()
                await asyncio.sleep(0.05)
        yield process


async def _started(http: httpx.AsyncClient, port: int) -> bool:
    try:
        return (await http.get(f"http://127.0.0.1:{port}/health/startup")).is_success
    except httpx.HTTPError:
        return False


async def request(database: Database) -> UUID:
    """Ask for a scan as the gateway does."""
    scan_id = uuid4()
    pool = await create_pool(database.url("gateway"), service="gateway", max_size=1)
    try:
        bus = Bus("", service="gateway", pool=pool)
        async with pool.transaction() as conn:
            event = ScanRequested(scan_id=scan_id, requested_by="a benchmark")
            await bus.emit(event, connection=conn)
    finally:
        await pool.close()
    return scan_id


async def _completed(database: Database, scan_id: UUID, scanner: Child) -> asyncpg.Record:
    """Return the scan's row once it is completed."""
    async with database.connection() as conn, asyncio.timeout(SCAN_SECONDS):
        while (row := await conn.fetchrow(_COMPLETED, scan_id)) is None:
            scanner.ensure_alive()
            await asyncio.sleep(POLL_SECONDS)
        return row


_COMPLETED: Final = """
    SELECT s.outcome, s.error,
           (SELECT coalesce(sum(sv.items), 0)::bigint
              FROM scanner.scan_vault sv JOIN scanner.vault v ON v.id = sv.vault_id
             WHERE sv.scan_id = s.id AND v.kind = 'vault') AS vault_items
      FROM scanner.scan s
     WHERE s.id = $1 AND s.state = 'completed'
"""


async def _idle(database: Database) -> bool:
    """Say whether the sweep that follows a scan has announced everything."""
    async with database.connection() as conn:
        due: bool = await conn.fetchval(
            "SELECT EXISTS (SELECT 1 FROM scanner.item WHERE look_at <= now())"
        )
    return not due
