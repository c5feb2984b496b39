"""Kill a real process at each instruction of a rotation: `python -m tests.chaos.killed`.

It runs on PostgreSQL, from the instruction after the one whose number is given. Prints one JSON
line, and ends at the first promise that is broken.
"""

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path

from shared.database.migrator import migrate
from tests.support.database import PASSWORDS, TEMPLATE, another_database, run_apart, started
from tests.support.saga.killing import broken, killed_at


def main() -> int:
    """Return 0 if every promise was kept."""
    began, point, said = time.monotonic(), int(sys.argv[1]) if sys.argv[1:] else 0, list[str]()
    with tempfile.TemporaryDirectory(prefix="certifyclouds-chaos-", dir="/var/tmp") as name:
        folder = Path(name)
        with started(folder) as cluster:
            run_apart(migrate(cluster.url(TEMPLATE), PASSWORDS))
            killed = True
            while killed and not said:
                point += 1
                with another_database(cluster) as database:
                    left = asyncio.run(killed_at(database, folder, point))
                killed, said = left.killed, broken(left)
    line = {"campaign": "a process killed on PostgreSQL", "cases": point - 1}
    line |= {"broken": said, "point": point} if said else {}
    print(json.dumps({**line, "seconds": round(time.monotonic() - began, 1)}), flush=True)
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
