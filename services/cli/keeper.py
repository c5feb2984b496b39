"""The embedded PostgreSQL is started again when it dies; its data survives that."""

import asyncio
from collections.abc import Callable
from typing import Final

from shared.database import Cluster
from shared.errors import CertifyCloudsError

LOOK_SECONDS: Final = 0.5
FIRST_PAUSE_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 30.0

Report = Callable[[str], None]


async def keep_running(cluster: Cluster, report: Report) -> None:
    """Start the server again whenever it has ended, until cancelled; runs in the main thread."""
    pause = FIRST_PAUSE_SECONDS
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        if cluster.running:
            pause = FIRST_PAUSE_SECONDS
            continue
        report(f"PostgreSQL ended; starting it again. Log: {cluster.log}")
        try:
            # It blocks for the seconds that recovery takes; meanwhile there is nothing to do here.
            cluster.start()
        except CertifyCloudsError as error:
            report(f"PostgreSQL cannot be started: {error}")
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
