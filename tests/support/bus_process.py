"""A scanner in a process of its own that never finishes a message: to be killed by a test.

`python -m tests.support.bus_process DATABASE_URL BUS_URL`; it prints each message's id. With the
name of a service after that it is this one, hears nothing, and only relays what is in the outbox.
"""

import asyncio
import sys

from shared.bus import Bus, Message
from shared.database import create_pool
from shared.events import ScanRequested
from shared.telemetry import configure_logging


async def main(database_url: str, bus_url: str, service: str = "scanner") -> None:
    pool = await create_pool(database_url, service=service)
    bus = Bus(bus_url, service=service, pool=pool, lease_seconds=1.0)

    async def hang(_: ScanRequested, message: Message) -> None:
        sys.stdout.write(f"{message.id}\n")
        sys.stdout.flush()
        await asyncio.sleep(3600)

    if service == "scanner":
        bus.on(ScanRequested)(hang)
    await bus.start()
    await asyncio.sleep(3600)


if __name__ == "__main__":
    configure_logging("ERROR")
    asyncio.run(main(*sys.argv[1:4]))
