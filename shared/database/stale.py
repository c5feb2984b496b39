"""A `postmaster.pid` that was left behind.

After `kill -9`, or in a container whose volume outlives its processes, the file names a process
that is dead, a zombie, or somebody else's. PostgreSQL would refuse to start, or hand out a dead
server.
"""

import os
import signal
import time
from pathlib import Path
from typing import Final

ORPHAN_SECONDS: Final = 20.0
_POLL_SECONDS: Final = 0.02


def clear_stale_pid(data: Path) -> None:
    """Remove the pid file of a dead server; stop a server whose supervisor died.

    Only the holder of the state folder's lock may call this: a server that still runs on `data`
    then has no supervisor.
    """
    file = data / "postmaster.pid"
    try:
        pid = int(file.read_text().split("\n", 1)[0])
    except FileNotFoundError:
        return
    except ValueError:
        file.unlink()
        return
    if is_server(pid, data):
        os.kill(pid, signal.SIGINT)
        _wait_until_gone(pid, data)
    file.unlink(missing_ok=True)


def is_server(pid: int, data: Path, proc: Path = Path("/proc")) -> bool:
    """Say whether `pid` is alive and is a PostgreSQL that works on `data`."""
    try:
        command = (proc / str(pid) / "cmdline").read_bytes().split(b"\0")
        state = (proc / str(pid) / "stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state not in "ZX" and str(data).encode() in command


def _wait_until_gone(pid: int, data: Path) -> None:
    deadline = time.monotonic() + ORPHAN_SECONDS
    while is_server(pid, data):
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
        time.sleep(_POLL_SECONDS)
