"""Services as processes of their own, as `certifyclouds serve` runs them."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path


@asynccontextmanager
async def serving(name: str, **variables: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run one service as a process of its own until the block ends."""
    words = (sys.executable, "-m", "services", "serve", name)
    process = await asyncio.create_subprocess_exec(*words, env=variables)
    try:
        yield process
    finally:
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 30) == 0


def peak_megabytes(process: asyncio.subprocess.Process) -> float:
    """Return the most memory that a running process has held so far."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024
