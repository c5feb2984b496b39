"""A private RabbitMQ node for tests, with its own ports, epmd and folder.

It needs the Debian package's files only. The node runs as whoever runs the tests, root included.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.ports import free_port

SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
CONTROL = SERVER.with_name("rabbitmqctl")
START_SECONDS = 60.0
STOP_SECONDS = 20.0
CONFIGURATION = """
loopback_users = none
disk_free_limit.absolute = 50MB
log.console = true
log.console.level = error
log.file = false
raft.wal_max_size_bytes = 16777216
"""


class Node:
    """One RabbitMQ server that can be stopped, killed and started again with its data."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self._distribution, self._epmd_port = (free_port() for _ in range(3))
        self._epmd: subprocess.Popen[bytes] | None = None
        self._server: subprocess.Popen[bytes] | None = None
        (folder / "rabbitmq.conf").write_text(CONFIGURATION)
        (folder / "enabled_plugins").write_text("[].")

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}/"

    def start(self) -> None:
        """Start the node and wait until it speaks AMQP."""
        if self._epmd is None:
            epmd = shutil.which("epmd") or "epmd"
            self._epmd = subprocess.Popen(
                [epmd, "-address", "127.0.0.1", "-port", str(self._epmd_port)],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        with (self.folder / "console.log").open("ab") as log:
            self._server = subprocess.Popen(
                [str(SERVER)],
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._speaks():
            if time.monotonic() > deadline or self._server.poll() is not None:
                log_text = (self.folder / "console.log").read_text(errors="replace")
                raise AssertionError(f"RabbitMQ did not start: {log_text[-2000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop the node as an operator would; its data stays."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill the node with -9; its data stays."""
        self._end(signal.SIGKILL)

    def control(self, *words: str) -> None:
        """Run rabbitmqctl on this node."""
        subprocess.run(
            [str(CONTROL), "--quiet", *words],
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            check=True,
            timeout=START_SECONDS,
        )

    def close(self) -> None:
        """End everything that was started here."""
        self.stop()
        if self._epmd is not None:
            self._epmd.kill()
            self._epmd.wait()
            self._epmd = None

    def _end(self, how: signal.Signals) -> None:
        """Signal the session that `start` made; the Erlang node is the script's child in it."""
        if self._server is None:
            return
        for attempt in (how, signal.SIGKILL):
            try:
                os.killpg(self._server.pid, attempt)
                self._server.wait(STOP_SECONDS)
            except ProcessLookupError:
                break
            except subprocess.TimeoutExpired:
                continue
        self._server.wait()
        self._server = None
        deadline = time.monotonic() + STOP_SECONDS
        while self._speaks() and time.monotonic() < deadline:
            time.sleep(0.05)

    def _speaks(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as probe:
                probe.sendall(b"AMQP\x00\x00\x09\x01")
                return len(probe.recv(1)) == 1
        except OSError:
            return False

    def _environment(self) -> dict[str, str]:
        folder = str(self.folder)
        return {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "HOME": folder,
            "LANG": "C.UTF-8",
            "RABBITMQ_NODENAME": f"certifyclouds{self.port}@localhost",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_DIST_PORT": str(self._distribution),
            "RABBITMQ_MNESIA_BASE": f"{folder}/data",
            "RABBITMQ_LOG_BASE": f"{folder}/log",
            "RABBITMQ_CONFIG_FILE": f"{folder}/rabbitmq.conf",
            "RABBITMQ_CONFIG_FILES": f"{folder}/none",
            "RABBITMQ_CONF_ENV_FILE": f"{folder}/none",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/enabled_plugins",
            "RABBITMQ_PID_FILE": f"{folder}/pid",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                "+S 2:2 +sbwt none -kernel inet_dist_use_interface {127,0,0,1}"
            ),
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
        }


def need_rabbitmq() -> None:
    """Skip the test where RabbitMQ is not installed; REQUIRE_ALL=1 makes that a failure."""
    if SERVER.exists():
        return
    reason = "RabbitMQ is not installed (Debian: apt-get install rabbitmq-server)"
    if os.environ.get("REQUIRE_ALL") == "1":
        pytest.fail(f"REQUIRE_ALL=1, but {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[Node]:
    """The RabbitMQ node of this test run; skips where RabbitMQ is not installed."""
    need_rabbitmq()
    with tempfile.TemporaryDirectory(prefix="certifyclouds-rabbitmq-") as folder:
        node = Node(Path(folder))
        node.start()
        try:
            yield node
        finally:
            node.close()
