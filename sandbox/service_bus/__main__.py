"""A namespace as a process: `python -m sandbox.service_bus --state FOLDER --ready-file FILE`."""

import argparse
import asyncio
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import orjson
import uvicorn

from sandbox import pki
from sandbox.files import write_private
from sandbox.service_bus.administration.control import Control
from sandbox.service_bus.administration.service import Administration
from sandbox.service_bus.authority import Authority
from sandbox.service_bus.disk import Disk
from sandbox.service_bus.namespace import Namespace
from sandbox.service_bus.server import KEY, KEY_NAME, LOOPBACK, Emulator


class Server(uvicorn.Server):
    """uvicorn's server without its own signal handlers: `serve` stops everything in order."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(state: Path, ready_file: Path, port: int) -> None:
    """Serve until SIGINT or SIGTERM; the ready file is written when both sides answer."""
    namespace, authority = Namespace(), Authority({KEY_NAME: KEY})
    files = pki.ensure(state)
    disk = Disk(state / "namespace.db")
    disk.load(namespace)
    listener = socket.create_server((LOOPBACK, 0))
    emulator = Emulator(namespace, authority, port, listener.getsockname()[1])
    administration = Server(
        uvicorn.Config(
            Administration(
                namespace, authority, Control(emulator), lambda: disk.save(namespace)
            ).app,
            ssl_certfile=str(files.certificate_file),
            ssl_keyfile=str(files.key_file),
            log_level="warning",
            lifespan="off",
        )
    )

    def stop() -> None:
        administration.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    async with emulator, asyncio.TaskGroup() as group:
        group.create_task(administration.serve(sockets=[listener]))
        while not (administration.started or administration.should_exit):  # noqa: ASYNC110 - uvicorn offers nothing else to wait for
            await asyncio.sleep(0.005)
        ready = {
            "connection_string": emulator.connection_string,
            "ca_file": str(files.ca_file.resolve()),
            "port": emulator.port,
            "control_url": f"https://localhost:{emulator.port}/$sandbox",
        }
        write_private(ready_file, orjson.dumps(ready))
    disk.close()


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox.service_bus",
        description="A simulated Service Bus namespace on this machine.",
    )
    parser.add_argument("--state", type=Path, required=True, help="where it keeps everything")
    parser.add_argument("--ready-file", type=Path, required=True, help="where its address is put")
    parser.add_argument("--port", type=int, default=0, help="its port; 0 takes a free one")
    asked = parser.parse_args(argv)
    asyncio.run(serve(asked.state, asked.ready_file, asked.port))


if __name__ == "__main__":
    main()
