"""What a server that was killed leaves behind: its pid file, and processes that still end.

After `kill -9`, or in a container whose volume outlives its processes, `postmaster.pid` names a
process that is dead, a zombie, or by now somebody else's, and PostgreSQL refuses to start. The file
must not go while one process of the dead server still works on the data: two would write at once.
"""

import os
import signal
import time
from pathlib import Path
from typing import Final

LEFTOVER_SECONDS: Final = 20.0
_POLL_SECONDS: Final = 0.02
_PROC: Final = Path("/proc")


def clear_leftovers(data: Path) -> None:
    """Stop what still works on `data` and remove the pid file.

    Only the holder of the state folder's lock may call this: a server that still runs on `data`
    then has no supervisor. Without /proc (not Linux) it does nothing: PostgreSQL then judges alone.
    """
    if not _PROC.is_dir():
        return
    file = data / "postmaster.pid"
    if (pid := _read_pid(file)) in working_on(data):
        _send(pid, signal.SIGINT)
    deadline = time.monotonic() + LEFTOVER_SECONDS
    while left := working_on(data):
        if time.monotonic() > deadline:
            for process in left:
                _send(process, signal.SIGKILL)
        time.sleep(_POLL_SECONDS)
    file.unlink(missing_ok=True)


def working_on(data: Path) -> set[int]:
    """Return the PostgreSQL processes whose working folder is `data`: server and children."""
    wanted, found = str(data.resolve()), set()
    for folder in _PROC.glob("[0-9]*"):
        try:
            # The name too: a person's shell may stand in that folder.
            if str((folder / "cwd").readlink()) == wanted and _name(folder) == "postgres":
                found.add(int(folder.name))
        except OSError:
            continue  # it ended, it is a zombie, or it is none of our business
    return found


def _name(process: Path) -> str:
    return (process / "comm").read_text().strip()


def _read_pid(file: Path) -> int:
    try:
        return int(file.read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return 0


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
