"""The composition root of the scanner: the one place that knows every part."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from functools import partial

from services.scanner import handlers
from services.scanner.adapters import Clouds, open_clouds
from services.scanner.domain.calls import Calls
from services.scanner.domain.remedy import UNKNOWN_ASSIGNEE, Assignee
from services.scanner.schedule import (
    DOCTOR_SECONDS,
    REJUDGE_SECONDS,
    RETENTION_SECONDS,
    SCHEDULE_SECONDS,
    WATCH_SECONDS,
    rejudge_and_wake,
)
from services.scanner.settings import NO_SCHEDULE, Settings
from services.scanner.steps import direct
from services.scanner.steps.diagnose import DiagnosticsReader
from services.scanner.steps.doctor import Doctor, Examined
from services.scanner.steps.enrich import Enricher
from services.scanner.steps.first_look import request_first_scan
from services.scanner.steps.own_pace import GraphPacing, ManagementPacing
from services.scanner.steps.pace import LocalLedger, Pacing
from services.scanner.steps.permission_check import Checkup, look_at_permissions
from services.scanner.steps.plan import EVERYTHING
from services.scanner.steps.read import Readers
from services.scanner.steps.recur import Scheduler, seed_schedule
from services.scanner.steps.resume import Watchdog
from services.scanner.steps.retain import retain
from services.scanner.steps.second_pass import SecondPass
from services.scanner.steps.sweep import sweep
from services.scanner.steps.visit import WRITERS, Visitor
from services.scanner.store.budget import SharedLedger
from shared.clock import Clock, utc_now
from shared.clouds import CloudSettings, from_variables
from shared.events import (
    PermissionCheckRequested,
    RotationPublished,
    ScanDetailsRequested,
    ScanRequested,
    ScanScheduleRequested,
    ScanShardRequested,
    SubscriptionChangeRequested,
    ThresholdChangeRequested,
)
from shared.selector import Selector, parse_scope
from shared.service import Service
from shared.service.periodic import Periodic

SHARDS_AT_ONCE = 2
DETAILS_AT_ONCE = 2
DIAGNOSTICS_WRITERS = 1  # the pool is small, and items come first


async def build(service: Service) -> None:
    """Join the clouds to the ports, messages to handlers, and start what runs by itself."""
    settings = _settings(service)
    cloud = from_variables(settings)
    assignee = _assignee(cloud)
    pacing = Pacing(SharedLedger(service.pool, settings.scan_requests_per_second))
    management, graph, calls = ManagementPacing(), GraphPacing(), Calls()
    clouds = await service.resources.enter_async_context(
        open_clouds(
            cloud,
            gate=pacing.gate,
            management_pace=management.wait,
            graph_pace=graph.wait,
            graph_gate=graph,
            calls=calls,
        )
    )
    expiry = _expiry(service, settings)
    diagnostics = _diagnostics(service, settings, clouds, management, assignee)
    _subscribe(service, settings, clouds, assignee, calls, expiry, diagnostics)
    _add_doctor(service, settings, _doctor(cloud, clouds))
    _keep_rules(service, settings, expiry)
    watchdog = Watchdog(
        pool=service.pool,
        outbox=service.bus,
        estate=clouds.estate,
        grants=clouds.grants,
        assignee=assignee,
        stale_seconds=settings.scan_stale_seconds,
        scope=parse_scope(settings.scan_scope),
    )
    if settings.scan_when_empty:
        service.on_start.append(partial(request_first_scan, service.pool, service.bus))
    _add_recurring(service, settings)
    service.add_task("expiry sweep", expiry.run)
    service.add_task("scan watchdog", Periodic(turn=watchdog.look, seconds=WATCH_SECONDS).run)


def _add_recurring(service: Service, settings: Settings) -> None:
    """Start what comes by the calendar: scheduled scans, and the end of what is kept."""
    if settings.scan_schedule != NO_SCHEDULE:
        service.on_start.append(partial(seed_schedule, service.pool, settings.scan_schedule))
    scheduler = Scheduler(pool=service.pool, outbox=service.bus)
    service.add_task("scan schedules", Periodic(turn=scheduler.turn, seconds=SCHEDULE_SECONDS).run)
    keeper = partial(retain, service.pool, keep_days=settings.scan_retention_days)
    service.add_task("retention", Periodic(turn=keeper, seconds=RETENTION_SECONDS).run)


def _expiry(service: Service, settings: Settings) -> Periodic:
    turn = partial(sweep, service.pool, service.bus, thresholds=settings.thresholds())
    return Periodic(turn=turn, seconds=settings.sweep_seconds)


def _keep_rules(service: Service, settings: Settings, expiry: Periodic) -> None:
    """Take changes of rules on thresholds, and judge by them what they concern."""
    turn = partial(rejudge_and_wake, service.pool, settings.thresholds(), expiry)
    rejudging = Periodic(turn=turn, seconds=REJUDGE_SECONDS)
    service.bus.on(ThresholdChangeRequested)(
        partial(
            handlers.on_threshold_change_requested, pool=service.pool, on_changed=rejudging.wake
        )
    )
    service.add_task("thresholds", rejudging.run)
    service.bus.on(SubscriptionChangeRequested)(
        partial(handlers.on_subscription_change_requested, pool=service.pool)
    )


def _subscribe(
    service: Service,
    settings: Settings,
    clouds: Clouds,
    assignee: Assignee,
    calls: Calls,
    expiry: Periodic,
    diagnostics: DiagnosticsReader | None,
) -> None:
    """Join each message to its handler."""
    bus, pool = service.bus, service.pool
    writers = asyncio.Semaphore(WRITERS)
    visitor = Visitor(
        readers=_readers(clouds, assignee),
        writers=writers,
        at_once=settings.scan_vaults_at_once,
    )
    enricher = Enricher(
        details=clouds.details,
        writers=writers,
        calls=calls,
        calls_per_shard=settings.scan_detail_calls,
        hours=settings.scan_detail_hours,
        assignee=assignee,
        at_once=settings.scan_vaults_at_once,
    )
    second_pass = SecondPass(enricher=enricher, diagnostics=diagnostics)
    bus.on(ScanRequested)(
        partial(
            handlers.on_scan_requested,
            pool=pool,
            outbox=bus,
            estate=clouds.estate,
            grants=clouds.grants,
            assignee=assignee,
            scope=parse_scope(settings.scan_scope),
        )
    )
    bus.on(ScanScheduleRequested)(partial(handlers.on_scan_schedule_requested, pool=pool))
    bus.on(ScanShardRequested, workers=SHARDS_AT_ONCE)(
        partial(
            handlers.on_scan_shard_requested,
            pool=pool,
            outbox=bus,
            visitor=visitor,
            second_pass=second_pass,
            thresholds=settings.thresholds(),
            on_listed=expiry.wake,
        )
    )
    bus.on(ScanDetailsRequested, workers=DETAILS_AT_ONCE)(
        partial(handlers.on_scan_details_requested, pool=pool, outbox=bus, second_pass=second_pass)
    )
    bus.on(RotationPublished)(partial(handlers.on_rotation_published, pool=pool, outbox=bus))


def _add_doctor(service: Service, settings: Settings, doctor: Doctor) -> None:
    """Look at the identity's permissions by schedule and on request, and show it in the health."""
    checkup = Checkup(
        pool=service.pool,
        outbox=service.bus,
        doctor=doctor,
        every_hours=settings.permission_check_hours,
        after_scan=settings.scan_when_empty,
    )
    turns = Periodic(turn=checkup.turn, seconds=DOCTOR_SECONDS)
    service.bus.on(PermissionCheckRequested)(
        partial(handlers.on_permission_check_requested, pool=service.pool, on_wanted=turns.wake)
    )
    service.health.add("permissions", partial(look_at_permissions, service.pool))
    service.add_task("permission doctor", turns.run)


def _doctor(cloud: CloudSettings, clouds: Clouds) -> Doctor:
    return Doctor(probes=clouds.permissions, estate=clouds.estate, graph=cloud.graph)


async def examine_directly(cloud: CloudSettings) -> Examined:
    """Examine the current identity without a database, for the command line."""
    async with open_clouds(cloud, gate=Pacing(LocalLedger()).gate) as clouds:
        return await _doctor(cloud, clouds).examine()


def _diagnostics(
    service: Service,
    settings: Settings,
    clouds: Clouds,
    pacing: ManagementPacing,
    assignee: Assignee,
) -> DiagnosticsReader | None:
    if clouds.diagnostics is None or not settings.scan_diagnostics:
        return None
    return DiagnosticsReader(
        diagnostics=clouds.diagnostics,
        pool=service.pool,
        writers=asyncio.Semaphore(DIAGNOSTICS_WRITERS),
        pacing=pacing,
        assignee=assignee,
        hours=settings.scan_diagnostics_hours,
    )


async def scan_directly(
    cloud: CloudSettings,
    *,
    subscription_ids: Sequence[str] = (),
    selector: Selector = EVERYTHING,
    clock: Clock = utc_now,
) -> AsyncGenerator[direct.Progress, None]:
    """Scan a tenant without a database: progress for each vault, its items, then the result.

    For the command line. Raises the errors of `shared.clouds.errors` if the subscriptions and
    vaults themselves cannot be listed.
    """
    graph = GraphPacing()
    opened = open_clouds(
        cloud,
        gate=Pacing(LocalLedger()).gate,
        management_pace=ManagementPacing().wait,
        graph_pace=graph.wait,
        graph_gate=graph,
    )
    async with opened as clouds:
        readers = _readers(clouds, _assignee(cloud))
        progress = direct.scan(
            clouds.estate,
            readers,
            now=clock(),
            subscription_ids=subscription_ids,
            selector=selector,
        )
        async with aclosing(progress):
            async for step in progress:
                yield step


def _assignee(cloud: CloudSettings) -> Assignee:
    return Assignee(cloud.identity.client_id or UNKNOWN_ASSIGNEE.client_id, cloud.graph)


def _readers(clouds: Clouds, assignee: Assignee) -> Readers:
    return Readers(vaults=clouds.vaults, directory=clouds.directory, assignee=assignee)


def _settings(service: Service) -> Settings:
    if isinstance(service.settings, Settings):
        return service.settings
    raise TypeError("The scanner is built with its own settings.")
