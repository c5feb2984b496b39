"""A platform of its own for the smoke run: `certifyclouds up --split` in a temporary folder."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

# An overlap of seconds, writes and looks that do not wait for each other.
QUICK: Final = {
    "ROTATION_OVERLAP_FLOOR_SECONDS": "0",
    "ROTATION_TARGET_WRITES_PER_SECOND": "5",
    "ROTATION_CONFIRMATION_SECONDS": "1",
}
START_SECONDS: Final = 120
STOP_SECONDS: Final = 30


@dataclass(frozen=True, slots=True)
class Platform:
    """A running platform: what its ready file says, and its process."""

    ready: dict[str, Any]
    folder: Path
    process: subprocess.Popen[bytes]


@contextmanager
def running(
    folder: Path, *, bus: str = "", bus_url: str = "", split: bool = True
) -> Iterator[Platform]:
    """Start the platform on free ports, wait until it is ready, and stop it at the end."""
    ready = folder / "ready.json"
    argv = [sys.executable, "-m", "services", "up", "--data-dir", str(folder / "data")]
    argv += ["--port", "0", "--ready-file", str(ready), *(["--split"] if split else [])]
    argv += ["--bus", bus] if bus else []
    env = {**os.environ, "BUS_URL": bus_url, "COLUMNS": "120", **QUICK}
    env.pop("DATABASE_URL", None)
    with (folder / "up.log").open("wb") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=log, env=env, start_new_session=True)
    try:
        yield Platform(_wait(ready, process, folder), folder, process)
    finally:
        _stop(process)


def _wait(ready: Path, process: subprocess.Popen[bytes], folder: Path) -> dict[str, Any]:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if ready.exists():
            content: dict[str, Any] = json.loads(ready.read_text())
            return content
        time.sleep(0.05)
    tail = (folder / "up.log").read_text(errors="replace")[-2000:]
    raise RuntimeError(f"The platform did not become ready. It said:\n{tail}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise RuntimeError(f"The platform did not stop within {STOP_SECONDS} s.") from None
