"""Two listeners in one process, until a signal or the parent's end stops them."""

import asyncio
import ctypes
import os
import secrets
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import orjson
import uvicorn

from sandbox import pki, services
from sandbox.access import Access
from sandbox.arguments import Arguments
from sandbox.clock import Clock
from sandbox.directory.replication import Replication
from sandbox.files import write_private
from sandbox.key_pairs import kept_rsa_key
from sandbox.names import names
from sandbox.profiles import make
from sandbox.throttle import Quotas, Window
from sandbox.tokens import Tokens
from sandbox.world import World

LOOPBACK: Final = "127.0.0.1"
_PARENT_DEATH: Final = 1  # PR_SET_PDEATHSIG
_GRACE_SECONDS: Final = 1


class PortTakenError(Exception):
    """A port that somebody else listens on; the message is a sentence."""


class _Server(uvicorn.Server):
    """uvicorn's server without its own signal handlers: two of them share one process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def run(arguments: Arguments) -> None:
    """Serve until stopped. Raises `PortTakenError`."""
    follow_parent()
    tls_socket, plain_socket = _listen(arguments.port), _listen(arguments.msi_port)
    listener = pki.ensure(arguments.state)
    world = _world(arguments, tls_socket.getsockname()[1])
    tls, plain = services.build(world)
    common: dict[str, Any] = {
        "log_level": "warning",
        "access_log": False,
        "lifespan": "off",
        "server_header": False,
        "timeout_graceful_shutdown": _GRACE_SECONDS,
        "timeout_keep_alive": 60,
    }
    secure: dict[str, Any] = {
        "ssl_certfile": str(listener.certificate_file),
        "ssl_keyfile": str(listener.key_file),
    }
    servers = (
        (_Server(uvicorn.Config(tls, **common, **secure)), tls_socket),
        (_Server(uvicorn.Config(plain, **common)), plain_socket),
    )
    ready = _ready(world, listener.ca_file, tls_socket, plain_socket)
    config = servers[0][0].config
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(_serve(servers, arguments.ready_file, ready))
    if arguments.ready_file is not None:
        arguments.ready_file.unlink(missing_ok=True)


def follow_parent() -> None:
    """Ask Linux to end this process with its parent; elsewhere it must be stopped."""
    if not sys.platform.startswith("linux"):
        return
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_PARENT_DEATH, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        # It ended before the kernel was told.
        os.kill(os.getpid(), signal.SIGTERM)


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server((LOOPBACK, port), backlog=512)
    except OSError as error:
        raise PortTakenError(f"Cannot listen on {LOOPBACK}:{port}: {error.strerror}.") from None


def _world(arguments: Arguments, port: int) -> World:
    clock = Clock()
    estate = make(arguments, clock)
    key = kept_rsa_key(arguments.state / "token-signing.key")
    return World(
        names=names(arguments.names, port),
        clock=clock,
        estate=estate,
        access=Access(estate),
        tokens=Tokens(key, clock, estate),
        identity_header=secrets.token_urlsafe(24),
        replication=Replication(clock),
        quotas=Quotas(
            vault=Window(arguments.vault_quota, 10.0),
            subscription=Window(arguments.subscription_quota, 10.0),
        ),
    )


def _ready(
    world: World, ca_file: Path, tls_socket: socket.socket, plain_socket: socket.socket
) -> dict[str, Any]:
    """Return what a client needs to know: every address, and whom it can be."""
    port, msi_port = tls_socket.getsockname()[1], plain_socket.getsockname()[1]
    plain = f"http://{LOOPBACK}:{msi_port}"
    estate = world.estate
    texts = {app.app_id: app.passwords[0].text for app in estate.applications if app.passwords}
    return {
        "tenant_id": estate.tenant_id,
        "port": port,
        "msi_port": msi_port,
        "login": world.names.login,
        "arm": world.names.arm,
        "graph": world.names.graph,
        "vault_suffix": world.names.vault_suffix,
        "identity_endpoint": f"{plain}/msi/token",
        "imds_host": plain,
        "identity_header": world.identity_header,
        "ca_file": str(ca_file.resolve()),
        "control": f"{plain}/_sandbox",
        "profile": estate.profile,
        "seed": estate.seed,
        "made_at": estate.made_at,
        "identities": {
            each.name: {
                "client_id": each.client_id,
                "object_id": each.object_id,
                "resource_id": each.resource_id(estate.subscriptions[0].id),
            }
            for each in estate.principals.values()
            if each.kind == "managed"
        },
        "principals": {
            each.name: {"client_id": each.client_id, "client_secret": texts[each.client_id]}
            for each in estate.principals.values()
            if each.kind == "application"
        },
    }


async def _serve(
    servers: tuple[tuple[_Server, socket.socket], ...],
    ready_file: Path | None,
    ready: dict[str, Any],
) -> None:
    def stop() -> None:
        for server, _ in servers:
            server.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    async with asyncio.TaskGroup() as group:
        for server, listener in servers:
            group.create_task(server.serve(sockets=[listener]))
        await _started(servers)
        if ready_file is not None:
            write_private(ready_file, orjson.dumps(ready, option=orjson.OPT_INDENT_2))


async def _started(servers: tuple[tuple[_Server, socket.socket], ...]) -> None:
    """Wait until both accept connections; uvicorn offers nothing to wait for but its flag."""
    while not all(server.started or server.should_exit for server, _ in servers):  # noqa: ASYNC110 - as above
        await asyncio.sleep(0.005)
