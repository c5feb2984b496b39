"""Replicas of the scanner as real processes on one database, with the sandbox as their Azure."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

from services.cli.platform import cloud_variables
from services.cli.settings import environment
from shared.bus import Bus
from shared.events import ScanRequested
from tests.support.database import Database
from tests.support.platform import SECRET_KEY
from tests.support.sandbox import Sandbox

STOP_SECONDS = 20


@dataclass
class Replicas:
    """What runs, in the order in which it was started."""

    database: Database
    sandbox: Sandbox
    folder: Path
    rate: float
    running: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def start(self) -> "subprocess.Popen[bytes]":
        variables = {
            "DATABASE_URL": self.database.url("scanner"),
            "SECRET_KEY": SECRET_KEY,
            "INTERNAL_PORT": "0",
            "DATA_DIR": str(self.folder),
            "SCAN_WHEN_EMPTY": "false",
            # Only listings are counted here.
            "SCAN_DETAIL_CALLS": "0",
            "SCAN_DIAGNOSTICS": "false",
            "SCAN_SCHEDULE": "off",
            "PERMISSION_CHECK_HOURS": "0",
            "SCAN_REQUESTS_PER_SECOND": str(self.rate),
            **cloud_variables(self.sandbox.ready),
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "services", "serve", "scanner"],
            env={**environment(), **variables},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.running.append(process)
        return process

    def kill(self, process: "subprocess.Popen[bytes]") -> None:
        """End a replica as a power cut would."""
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        self.running.remove(process)

    def peak_megabytes(self, process: "subprocess.Popen[bytes]") -> float:
        """The most memory that a replica ever used."""
        lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
        [peak] = [line for line in lines if line.startswith("VmHWM:")]
        return int(peak.split()[1]) / 1024

    async def request(self) -> UUID:
        """Ask for a scan as the gateway does."""
        scan_id = uuid4()
        async with self.database.pool("gateway") as pool:
            bus = Bus("", service="gateway", pool=pool)
            async with pool.transaction() as conn:
                event = ScanRequested(scan_id=scan_id, requested_by="ada")
                await bus.emit(event, connection=conn)
        return scan_id


@contextmanager
def replicas(
    database: Database, sandbox: Sandbox, folder: Path, *, rate: float
) -> Iterator[Replicas]:
    """Give what starts replicas, and end all of them."""
    found = Replicas(database, sandbox, folder, rate)
    try:
        yield found
    finally:
        for process in found.running:
            process.send_signal(signal.SIGTERM)
        for process in found.running:
            try:
                process.wait(STOP_SECONDS)
            finally:
                process.kill()
