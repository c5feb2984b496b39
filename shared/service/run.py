"""Running a service: open, wait for the schema, consume, stay, and close in the reverse order."""

import asyncio
import gc
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

import structlog
from opentelemetry.sdk.trace import TracerProvider
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector

from shared.bus import Bus
from shared.bus.tasks import stop_tasks
from shared.database import create_pool, wait_for_schema
from shared.errors import TransientError
from shared.health import Health
from shared.service import probes
from shared.service.http import internal_app, serve_http
from shared.service.parts import VERSION, Build, Service
from shared.service.tasks import run_task
from shared.settings import ServiceSettings
from shared.telemetry import get_logger, make_tracer_provider

logger = get_logger(__name__)

BEAT_SECONDS: Final = 5.0


async def serve(
    name: str,
    settings: ServiceSettings,
    build: Build,
    stop: asyncio.Event,
    *,
    tracer_provider: TracerProvider | None = None,
) -> None:
    """Run one service until `stop` is set.

    Raises `SchemaError` when the database's schema is newer than this code can read, and
    `SettingsError` when the parts cannot be joined as told. Raises `ConsumersLostError`, after an
    orderly end, when only a new process can consume again.
    """
    structlog.contextvars.bind_contextvars(service=name)
    provider = tracer_provider or make_tracer_provider(
        name, endpoint=settings.otel_exporter_otlp_endpoint
    )
    async with AsyncExitStack() as stack:
        service = await _open(name, settings, provider, stack)
        stack.callback(provider.force_flush, 2000)
        await _wait_until_usable(service, stop)
        if not stop.is_set():
            await _run(service, build, stack, stop)


async def _open(
    name: str, settings: ServiceSettings, provider: TracerProvider, stack: AsyncExitStack
) -> Service:
    """Open the pool, the bus's client and the internal listener; nothing is consumed yet."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    pool = await create_pool(settings.database_url.get_secret_value(), service=name)
    stack.push_async_callback(pool.close)
    bus = Bus(
        settings.bus_url.get_secret_value(),
        service=name,
        pool=pool,
        registry=registry,
        tracer_provider=provider,
    )
    health = Health(service=name, version=VERSION)
    app = internal_app(bus, health, registry)
    await stack.enter_async_context(
        serve_http(app, host=settings.internal_host, port=settings.internal_port)
    )
    return Service(
        name=name,
        settings=settings,
        pool=pool,
        bus=bus,
        health=health,
        registry=registry,
        tracer_provider=provider,
    )


async def _wait_until_usable(service: Service, stop: asyncio.Event) -> None:
    """Wait for the database and its schemas: services and migrations start in any order."""
    for schema in ("bus", "audit", service.name):
        service.health.phase = f"waiting for the schema {schema} (run: certifyclouds migrate)"
        while not stop.is_set():
            try:
                await wait_for_schema(service.pool, schema)
                break
            except TransientError as error:
                logger.warning("waiting for the database", schema=schema, reason=str(error))
                await _pause(stop, 1.0)


async def _run(service: Service, build: Build, stack: AsyncExitStack, stop: asyncio.Event) -> None:
    """Build, consume, and stay until told to stop; then end in the reverse order."""
    service.health.phase = "starting"
    await stack.enter_async_context(service.resources)
    public = await build(service)
    _add_probes(service)
    async with _consuming(service), _tasks(service):
        for hook in service.on_start:
            await hook()
        if public:
            await stack.enter_async_context(
                serve_http(public.app, host=public.host, port=public.port)
            )
        # What was made until now stays: looking through it for garbage again and again would stop
        # the service for some 80 ms each time.
        gc.freeze()
        service.health.started, service.health.phase = True, "running"
        logger.info("ready")
        try:
            await until_told(stop, service.bus.lost())
        finally:
            service.health.stopping, service.health.phase = True, "stopping"
            logger.info("stopping")


@asynccontextmanager
async def _consuming(service: Service) -> AsyncIterator[None]:
    await service.bus.start()
    try:
        yield
    finally:
        await service.bus.stop()


@asynccontextmanager
async def _tasks(service: Service) -> AsyncIterator[None]:
    service.add_task("heartbeat", lambda: _beat(service))
    running = [asyncio.create_task(run_task(task), name=task.name) for task in service.tasks]
    try:
        yield
    finally:
        await stop_tasks(running)


async def _beat(service: Service) -> None:
    """Say every few seconds that this service is here."""
    while True:
        await service.bus.beat(VERSION)
        await asyncio.sleep(BEAT_SECONDS)


def _add_probes(service: Service) -> None:
    service.health.add("database", probes.database(service.pool))
    service.health.add("bus", probes.bus(service.bus))
    service.health.add("peers", probes.peers(service.bus, service.name))
    service.health.add("tasks", probes.tasks(service.tasks))


async def until_told(stop: asyncio.Event, lost: Coroutine[Any, Any, None]) -> None:
    """Wait for `stop`, or for `lost` to end; raises what `lost` raises."""
    waiting = [asyncio.ensure_future(stop.wait()), asyncio.ensure_future(lost)]
    try:
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
    for task in done:
        task.result()


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
