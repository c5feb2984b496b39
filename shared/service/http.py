"""The HTTP side of a service: an internal listener for health and metrics, and a way to run one."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any, Final

import orjson
import uvicorn
from faststream.asgi import AsgiFastStream, AsgiResponse, get
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from shared.bus import Bus
from shared.errors import SettingsError
from shared.health import Health, Status
from shared.service.parts import ASGIApp
from shared.service.patience import Impatient

GRACE_SECONDS: Final = 5
_JSON: Final = {"content-type": "application/json", "cache-control": "no-store"}


def internal_app(bus: Bus, health: Health, registry: CollectorRegistry) -> ASGIApp:
    """Return FastStream's ASGI application with the probes and the metrics, for the internal port.

    Its lifespan is not used: the service starts and stops the broker itself, after the schema.
    """

    @get
    async def live(_: Any) -> AsgiResponse:  # noqa: ANN401 - FastStream passes the ASGI scope
        return AsgiResponse(b'{"status":"ok"}', 200, _JSON)

    @get
    async def startup(_: Any) -> AsgiResponse:  # noqa: ANN401 - the same
        status = 200 if health.started else 503
        return AsgiResponse(orjson.dumps({"phase": health.phase}), status, _JSON)

    @get
    async def ready(_: Any) -> AsgiResponse:  # noqa: ANN401 - the same
        overall = health.overall(await health.look())
        status = 503 if overall is Status.FAILED else 200
        return AsgiResponse(orjson.dumps({"status": overall}), status, _JSON)

    @get
    async def detail(_: Any) -> AsgiResponse:  # noqa: ANN401 - the same
        report = await health.report()
        status = 503 if report["status"] is Status.FAILED else 200
        return AsgiResponse(orjson.dumps(report), status, _JSON)

    @get
    async def metrics(_: Any) -> AsgiResponse:  # noqa: ANN401 - the same
        return AsgiResponse(generate_latest(registry), 200, {"content-type": CONTENT_TYPE_LATEST})

    return AsgiFastStream(
        bus.broker,
        logger=None,
        asgi_routes=[
            ("/health", detail),
            ("/health/live", live),
            ("/health/ready", ready),
            ("/health/startup", startup),
            ("/metrics", metrics),
        ],
    )


class _Server(uvicorn.Server):
    """A server that leaves the process's signals alone: the service decides when it stops."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def bind(host: str, port: int) -> socket.socket:
    """Bind a listening socket, or raise a `SettingsError` that says which port is taken."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise SettingsError(
            f"Cannot listen on {host}:{port} ({error.strerror}); free the port or choose another."
        ) from None
    listener.set_inheritable(False)
    return listener


@asynccontextmanager
async def serve_http(app: ASGIApp, *, host: str, port: int) -> AsyncIterator[int]:
    """Serve `app` while the context is open; yields the port (it differs when 0 was asked for)."""
    config = uvicorn.Config(
        app,
        http=Impatient,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    server = _Server(config)
    with contextlib.closing(bind(host, port)) as listener:
        running = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            while not server.started and not running.done():  # noqa: ASYNC110 - no event is offered
                await asyncio.sleep(0.005)
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            await running
