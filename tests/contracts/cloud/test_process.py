"""The sandbox as a process: how it starts, refuses to start, and stops."""

import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.support.sandbox import STOP_SECONDS, arguments, read_ready, running_sandbox, stop

SMALL = ("--profile", "large", "--vaults", "2", "--secrets", "3")


def test_bad_arguments_end_with_status_two_and_a_sentence(tmp_path: Path) -> None:
    command = arguments(tmp_path, "--port", "https")

    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert ended.returncode == 2
    assert "'https' is not a port" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = arguments(tmp_path, "--port", str(port))
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert ended.returncode == 2
    assert f"127.0.0.1:{port}" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_restart_gives_the_same_estate_and_the_same_authority(tmp_path: Path) -> None:
    with running_sandbox(tmp_path, "--profile", "random", "--seed", "3") as first:
        before = first.control.truth()
        ports = ("--port", str(first.ready["port"]), "--msi-port", str(first.ready["msi_port"]))
        authority = Path(first.ready["ca_file"]).read_bytes()
    with running_sandbox(tmp_path, "--profile", "random", "--seed", "3", *ports) as second:
        after = second.control.truth()
        assert Path(second.ready["ca_file"]).read_bytes() == authority

    assert before | {"now": 0} == after | {"now": 0}


def test_its_files_are_for_its_owner_only(tmp_path: Path) -> None:
    with running_sandbox(tmp_path, *SMALL):
        modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}

    assert modes
    assert set(modes.values()) == {0o600}


def test_it_stops_while_a_fault_holds_a_request(tmp_path: Path) -> None:
    with running_sandbox(tmp_path, *SMALL) as sandbox:
        tls = ssl.create_default_context(cafile=sandbox.ready["ca_file"])
        with (
            socket.create_connection(("127.0.0.1", sandbox.ready["port"])) as plain,
            tls.wrap_socket(plain, server_hostname="arm.sandbox.localhost") as held,
        ):
            sandbox.control.add_fault(hang=True)
            held.sendall(b"GET /tenants HTTP/1.1\r\nHost: arm.sandbox.localhost\r\n\r\n")
            within_limit(lambda: sandbox.control.faults()[0]["hits"] == 1)

            assert stop(sandbox.process) == 0

    assert not (tmp_path / "ready.json").exists()


def test_it_ends_with_its_parent(tmp_path: Path) -> None:
    parent_code = "import subprocess, sys; sys.exit(subprocess.Popen(sys.argv[1:]).wait())"
    parent = subprocess.Popen([sys.executable, "-c", parent_code, *arguments(tmp_path, *SMALL)])
    port = read_ready(tmp_path / "ready.json", parent)["msi_port"]

    parent.send_signal(signal.SIGKILL)
    parent.wait()

    within_limit(lambda: not accepts(port))


def accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except ConnectionRefusedError:
        return False
    return True


def within_limit(look: Callable[[], bool]) -> None:
    deadline = time.monotonic() + STOP_SECONDS
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_large_estate_has_as_many_subscriptions_and_regions_as_asked_for(tmp_path: Path) -> None:
    sizes = ("--profile", "large", "--vaults", "4", "--secrets", "1")
    with running_sandbox(tmp_path, *sizes, "--subscriptions", "2", "--regions", "1") as running:
        vaults = running.control.truth()["vaults"]

    assert len(vaults) == 4
    assert len({vault["subscriptionId"] for vault in vaults}) == 2
    assert len({vault["location"] for vault in vaults}) == 1


def test_a_large_estate_needs_a_subscription(tmp_path: Path) -> None:
    command = arguments(tmp_path, "--profile", "large", "--subscriptions", "0")

    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert ended.returncode == 2
    assert "there must be one at least" in ended.stderr
