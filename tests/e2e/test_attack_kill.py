"""`up` itself killed with -9: nothing of the platform stays behind."""

import os
import signal
from pathlib import Path

from tests.smoke.api import eventually
from tests.smoke.platform import running

GONE_SECONDS = 30


def descendants(pid: int) -> set[int]:
    """Return the processes below one, however deep."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    children = {int(word) for word in text.split()}
    return children.union(*(descendants(child) for child in children))


def lives(pid: int) -> bool:
    """Whether a process runs; one that ended and that nobody asked about does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_when_up_is_killed_its_services_its_sandbox_and_its_database_end(tmp_path: Path) -> None:
    tmp_path.chmod(0o711)
    with running(tmp_path, split=True) as platform:
        below = descendants(platform.process.pid)
        os.kill(platform.process.pid, signal.SIGKILL)
        platform.process.wait()

        eventually(
            lambda: not any(lives(pid) for pid in below),
            "every process of the platform ends",
            GONE_SECONDS,
        )

    assert len(below) >= len(("postgres", "sandbox", "six services")) + 5
