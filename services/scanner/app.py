"""The composition root of the scanner: the one place that knows every part."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from functools import partial

from services.scanner import handlers
from services.scanner.adapters import Clouds, open_clouds
from services.scanner.domain.remedy import UNKNOWN_ASSIGNEE
from services.scanner.schedule import WATCH_SECONDS, Periodic
from services.scanner.settings import Settings
from services.scanner.steps import direct
from services.scanner.steps.first_look import request_first_scan
from services.scanner.steps.pace import LocalLedger, Pacing
from services.scanner.steps.read import Readers
from services.scanner.steps.resume import Watchdog
from services.scanner.steps.sweep import sweep
from services.scanner.steps.visit import WRITERS, Visitor
from services.scanner.store.budget import SharedLedger
from shared.clock import Clock, utc_now
from shared.clouds import CloudSettings, from_variables
from shared.events import RotationPublished, ScanRequested, ScanShardRequested
from shared.service import Service

SHARDS_AT_ONCE = 2


async def build(service: Service) -> None:
    """Join the clouds to the ports, messages to handlers, and start what runs by itself."""
    settings = _settings(service)
    pacing = Pacing(SharedLedger(service.pool, settings.scan_requests_per_second))
    clouds = await service.resources.enter_async_context(
        open_clouds(from_variables(settings), gate=pacing.gate)
    )
    expiry = _expiry(service, settings)
    _subscribe(service, settings, clouds, expiry)
    watchdog = Watchdog(
        pool=service.pool,
        outbox=service.bus,
        estate=clouds.estate,
        assignee=settings.azure_client_id or UNKNOWN_ASSIGNEE,
        stale_seconds=settings.scan_stale_seconds,
    )
    if settings.scan_when_empty:
        service.on_start.append(partial(request_first_scan, service.pool, service.bus))
    service.add_task("expiry sweep", expiry.run)
    service.add_task("scan watchdog", Periodic(turn=watchdog.look, seconds=WATCH_SECONDS).run)


def _expiry(service: Service, settings: Settings) -> Periodic:
    turn = partial(sweep, service.pool, service.bus, thresholds=settings.thresholds())
    return Periodic(turn=turn, seconds=settings.sweep_seconds)


def _subscribe(service: Service, settings: Settings, clouds: Clouds, expiry: Periodic) -> None:
    """Join each message to its handler."""
    bus, pool = service.bus, service.pool
    assignee = settings.azure_client_id or UNKNOWN_ASSIGNEE
    visitor = Visitor(
        readers=_readers(clouds, assignee),
        writers=asyncio.Semaphore(WRITERS),
        at_once=settings.scan_vaults_at_once,
    )
    bus.on(ScanRequested)(
        partial(
            handlers.on_scan_requested,
            pool=pool,
            outbox=bus,
            estate=clouds.estate,
            assignee=assignee,
        )
    )
    bus.on(ScanShardRequested, workers=SHARDS_AT_ONCE)(
        partial(
            handlers.on_scan_shard_requested,
            pool=pool,
            outbox=bus,
            visitor=visitor,
            thresholds=settings.thresholds(),
            on_completed=expiry.wake,
        )
    )
    bus.on(RotationPublished)(partial(handlers.on_rotation_published, pool=pool, outbox=bus))


async def scan_directly(
    cloud: CloudSettings,
    *,
    subscription_ids: Sequence[str] = (),
    clock: Clock = utc_now,
) -> AsyncGenerator[direct.Progress, None]:
    """Scan a tenant without a database: progress for each vault, its items, then the result.

    For the command line. Raises the errors of `shared.clouds.errors` if the subscriptions and
    vaults themselves cannot be listed.
    """
    pacing = Pacing(LocalLedger())
    async with open_clouds(cloud, gate=pacing.gate) as clouds:
        readers = _readers(clouds, cloud.identity.client_id or UNKNOWN_ASSIGNEE)
        progress = direct.scan(
            clouds.estate, readers, now=clock(), subscription_ids=subscription_ids
        )
        async with aclosing(progress):
            async for step in progress:
                yield step


def _readers(clouds: Clouds, assignee: str) -> Readers:
    return Readers(vaults=clouds.vaults, directory=clouds.directory, assignee=assignee)


def _settings(service: Service) -> Settings:
    if isinstance(service.settings, Settings):
        return service.settings
    raise TypeError("The scanner is built with its own settings.")
