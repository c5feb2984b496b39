"""Child processes with their CPU seconds and their peak of memory (Linux: read from /proc)."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from services.cli.settings import environment
from shared.database.account import die_with_parent

STOP_SECONDS: Final = 30
_TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Child:
    """A running child; `log` is where its output goes."""

    process: subprocess.Popen[bytes]
    log: Path

    def cpu(self) -> float:
        """Return the CPU seconds that the child has used so far, user and system together."""
        return cpu_of(self.process.pid)

    def peak_mb(self) -> float:
        """Return the most memory that it held (VmHWM), in MB of 1,000,000 bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        kib = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
        return int(kib) * 1024 / 1e6

    def ensure_alive(self) -> None:
        """Raise `RuntimeError` with the end of its log when the child has ended."""
        code = self.process.poll()
        if code is not None:
            tail = self.log.read_text(errors="replace")[-2000:]
            raise RuntimeError(f"{self.log.stem} ended with status {code}. It said:\n{tail}")


@asynccontextmanager
async def child(
    name: str, argv: Sequence[str], folder: Path, env: Mapping[str, str] | None = None
) -> AsyncIterator[Child]:
    """Run `python -m argv` until the block ends; it ends with this process, however that ends."""
    log = folder / f"{name}.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *argv],
            stdout=output,
            stderr=output,
            env={**environment(), **(env or {})},
            preexec_fn=die_with_parent(),
        )
    try:
        yield Child(process, log)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def result_of(argv: Sequence[str], *, seconds: float) -> dict[str, Any]:
    """Run `python -m argv` to its end and return the JSON object that it printed.

    Raises `RuntimeError` when it fails.
    """
    done = subprocess.run(
        [sys.executable, "-m", *argv], capture_output=True, timeout=seconds, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{argv[0]} failed: {done.stderr.decode(errors='replace')[-2000:]}")
    found: dict[str, Any] = orjson.loads(done.stdout)
    return found


def cpu_of(pid: int) -> float:
    """Return the CPU seconds of a process and of its children that have ended."""
    fields = _stat(pid)
    return sum(map(int, fields[11:15])) / _TICKS if fields else 0.0


def cpu_of_family(pid: int) -> float:
    """Return the CPU seconds of a process and of its children, ended ones included."""
    found = cpu_of(pid)
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != pid:
            fields = _stat(int(folder.name))
            if fields and int(fields[1]) == pid:
                found += sum(map(int, fields[11:13])) / _TICKS
    return found


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat after the name; none for a process that is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
