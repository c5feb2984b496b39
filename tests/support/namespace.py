"""A simulated Service Bus namespace in a process of its own, for the bus's tests."""

import json
import signal
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.service_bus.authority import Authority
from sandbox.service_bus.server import KEY, KEY_NAME

START_SECONDS = 30.0
STOP_SECONDS = 10.0
_FOR_EVER = 2**33


class Namespace:
    """One namespace that can be ended and started again at the same address, empty."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self.url = ""
        self._told: dict[str, Any] = {}

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
        self._told = told

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it; what was in it is gone."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(STOP_SECONDS)
            self._process = None

    def close(self) -> None:
        """End it for good."""
        self.stop()

    def advance(self, seconds: float) -> None:
        """Let its time pass at once."""
        self._steer("POST", "clock", str(seconds))

    def lose_locks(self) -> None:
        """Break the lock of every message that a receiver holds."""
        self._steer("DELETE", "locks")

    def drop_connections(self) -> None:
        """Tear all its clients' connections down."""
        self._steer("DELETE", "connections")

    def add_fault(self, **fault: object) -> None:
        """Let the next operations meet a fault; see `sandbox.service_bus.faults.Fault`."""
        self._steer("POST", "faults", json.dumps(fault))

    def clear_faults(self) -> None:
        """Let no operation meet a fault any more."""
        self._steer("DELETE", "faults")

    def _steer(self, method: str, what: str, content: str = "") -> None:
        url = f"{self._told['control_url']}/{what}"
        token = Authority({KEY_NAME: KEY}).sign(url, expires=_FOR_EVER)
        trust = ssl.create_default_context(cafile=self._told["ca_file"])
        with httpx.Client(verify=trust, trust_env=False) as http:
            answer = http.request(method, url, content=content, headers={"Authorization": token})
        assert answer.status_code == 204, answer.text


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
