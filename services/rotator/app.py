"""The composition root of the rotator: the one place that knows every part."""

import time
from functools import partial
from typing import Final
from uuid import uuid4

from services.rotator import handlers
from services.rotator.adapters import Clouds, open_clouds
from services.rotator.schedule import (
    JANITOR_SECONDS,
    POLICIES_SECONDS,
    SUGGESTIONS_SECONDS,
    Workers,
    begin_and_wake,
)
from services.rotator.settings import Settings
from services.rotator.steps.desk import Planner
from services.rotator.steps.hand import Hand
from services.rotator.steps.janitor import Janitor
from services.rotator.steps.scheduler import Scheduler
from services.rotator.steps.suggest import Suggester
from services.rotator.steps.turn import Parts
from services.rotator.store.copies import SyncedCopies
from services.rotator.store.ledger import PostgresLedger
from services.rotator.store.rounds import PostgresRounds
from shared.clouds import from_variables
from shared.crypto import derived_key
from shared.events import (
    CredentialChangeRequested,
    LicenseChanged,
    RotationChangeRequested,
    RotationFreezeChangeRequested,
    RotationPauseRequested,
    RotationPlanRequested,
    RotationPolicyChangeRequested,
    RotationRequested,
    RotationSuggestionsRequested,
    ScanCompleted,
    SecretExpiring,
    SyncCompleted,
)
from shared.service import Service
from shared.service.periodic import Periodic

FINGERPRINTS: Final = "certifyclouds/rotator/fingerprints/1"


async def build(service: Service) -> None:
    """Join the clouds to the ports, messages to handlers, and start what runs by itself."""
    settings = _settings(service)
    clouds = await service.resources.enter_async_context(
        open_clouds(
            from_variables(settings),
            fingerprints=derived_key(settings.secret_key.get_secret_value(), purpose=FINGERPRINTS),
        )
    )
    owner = uuid4()
    parts = Parts(
        ledger=PostgresLedger(service.pool, service.bus, owner, settings.rates()),
        drivers=clouds.drivers,
        vault=clouds.vault,
        copies=SyncedCopies(service.pool),
        hand=Hand(time.monotonic),
        between=settings.rotation_confirmation_seconds,
    )
    workers = Workers(parts=parts)
    janitor = Janitor(
        rounds=PostgresRounds(service.pool, owner), drivers=clouds.drivers, vault=clouds.vault
    )
    policies = Periodic(
        turn=partial(begin_and_wake, _scheduler(service, settings), workers),
        seconds=POLICIES_SECONDS,
    )
    suggestions = Periodic(turn=Suggester(pool=service.pool).turn, seconds=SUGGESTIONS_SECONDS)
    _subscribe(service, clouds, workers)
    _subscribe_looks(service, policies, suggestions)
    service.add_task("rotations", workers.run)
    service.add_task("policies", policies.run)
    service.add_task("suggestions", suggestions.run)
    service.add_task("janitor", Periodic(turn=janitor.turn, seconds=JANITOR_SECONDS).run)


def _scheduler(service: Service, settings: Settings) -> Scheduler:
    return Scheduler(
        pool=service.pool,
        outbox=service.bus,
        features=service.features,
        notice=settings.notice,
        approval_required=settings.rotations_need_approval,
    )


def _subscribe(service: Service, clouds: Clouds, workers: Workers) -> None:
    """Join each message about rotations to its handler."""
    bus, pool, wake = service.bus, service.pool, workers.wake
    planner = Planner(pool=pool, drivers=clouds.drivers, vault=clouds.vault)
    bus.on(RotationRequested)(
        partial(handlers.on_rotation_requested, pool=pool, features=service.features, wake=wake)
    )
    bus.on(RotationPlanRequested)(
        partial(handlers.on_rotation_plan_requested, pool=pool, planner=planner)
    )
    bus.on(RotationChangeRequested)(
        partial(handlers.on_rotation_change_requested, pool=pool, wake=wake)
    )
    bus.on(RotationPauseRequested)(
        partial(handlers.on_rotation_pause_requested, pool=pool, wake=wake)
    )
    bus.on(SyncCompleted)(partial(handlers.on_sync_completed, pool=pool, wake=wake))


def _subscribe_looks(service: Service, policies: Periodic, suggestions: Periodic) -> None:
    """Join each message after which policies, or suggestions, are looked at anew."""
    bus, pool = service.bus, service.pool

    def look() -> None:
        policies.wake()
        suggestions.wake()

    bus.on(SecretExpiring)(partial(handlers.on_secret_expiring, pool=pool, wake=policies.wake))
    bus.on(RotationPolicyChangeRequested)(
        partial(handlers.on_rotation_policy_change_requested, pool=pool, wake=policies.wake)
    )
    bus.on(RotationFreezeChangeRequested)(
        partial(handlers.on_rotation_freeze_change_requested, pool=pool, wake=policies.wake)
    )
    bus.on(CredentialChangeRequested)(
        partial(handlers.on_credential_change_requested, pool=pool, wake=look)
    )
    for event in (ScanCompleted, LicenseChanged, RotationSuggestionsRequested):
        bus.on(event)(partial(handlers.on_news, pool=pool, wake=look))


def _settings(service: Service) -> Settings:
    if isinstance(service.settings, Settings):
        return service.settings
    raise TypeError("The rotator is built with its own settings.")
