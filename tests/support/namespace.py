"""A simulated Service Bus namespace in a process of its own, for the bus's tests."""

import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

START_SECONDS = 30.0
STOP_SECONDS = 10.0


class Namespace:
    """One namespace that can be ended and started again at the same address, empty."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self.url = ""

    def start(self) -> None:
        """Start it and wait until it answers."""
        ready = self._folder / "ready.json"
        ready.unlink(missing_ok=True)
        argv = ["--state", str(self._folder), "--ready-file", str(ready), "--port", str(self._port)]
        self._process = subprocess.Popen([sys.executable, "-m", "sandbox.service_bus", *argv])
        deadline = time.monotonic() + START_SECONDS
        while not ready.exists():
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise AssertionError("The Service Bus emulator did not start.")
            time.sleep(0.02)
        told = json.loads(ready.read_text())
        self._port = told["port"]
        self.url = f"{told['connection_string']}CaFile={told['ca_file']}"

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it; what was in it is gone."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(STOP_SECONDS)
            self._process = None


@pytest.fixture(scope="session")
def service_bus() -> Iterator[Namespace]:
    """The namespace of this test run."""
    with tempfile.TemporaryDirectory(prefix="certifyclouds-servicebus-") as folder:
        namespace = Namespace(Path(folder))
        namespace.start()
        try:
            yield namespace
        finally:
            namespace.stop()
