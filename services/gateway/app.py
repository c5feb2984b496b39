"""Joins the gateway's parts: keys, sessions, the API, the live stream, the audit log's sealer."""

from datetime import timedelta
from typing import Final

from fastapi import FastAPI

from services.gateway.adapters.guesses import Zxcvbn
from services.gateway.adapters.one_time_codes import TimedCodes
from services.gateway.adapters.passwords import Argon2Hasher
from services.gateway.adapters.tokens import EdDSATokens
from services.gateway.domain.approval import Act
from services.gateway.handlers import add_handlers
from services.gateway.middleware.envelope import Envelope
from services.gateway.middleware.guard import GuardedRoute
from services.gateway.middleware.index import Api
from services.gateway.middleware.problems import add_problem_handlers
from services.gateway.queries.overview import read_overview
from services.gateway.routes import api_tokens as api_token_routes
from services.gateway.routes import (
    applications,
    audit,
    auth,
    inventory,
    keys,
    not_built,
    own_account,
    permissions,
    queues,
    rotation_credentials,
    rotation_plans,
    rotation_policies,
    rotations,
    scans,
    schedules,
    second_factor,
    subscriptions,
    system,
    thresholds,
    users,
    vaults,
    watch,
    web,
)
from services.gateway.routes import approvals as approval_routes
from services.gateway.routes.description import describe
from services.gateway.schedule import keep_signing_keys, keep_tidy
from services.gateway.settings import Settings
from services.gateway.steps.api_tokens import ApiTokens
from services.gateway.steps.approvals import Approvals
from services.gateway.steps.authenticate import Authenticate
from services.gateway.steps.cached import Cached
from services.gateway.steps.change_credential import ChangeCredential
from services.gateway.steps.change_policy import ChangePolicy
from services.gateway.steps.change_rotation import ChangeRotation
from services.gateway.steps.change_schedule import ChangeSchedule
from services.gateway.steps.checkpoints import checkpoint_export, write_public_key
from services.gateway.steps.dead_letters import DeadLetters
from services.gateway.steps.export_audit import ExportAudit
from services.gateway.steps.keys import Keyring, load_signing_keys, open_keyring
from services.gateway.steps.live import LiveHub
from services.gateway.steps.parts import Parts
from services.gateway.steps.pause_rotations import PauseRotations
from services.gateway.steps.people import OwnAccount, People
from services.gateway.steps.request_permission_check import RequestPermissionCheck
from services.gateway.steps.request_rotation import RequestRotation
from services.gateway.steps.request_scan import RequestScan
from services.gateway.steps.request_subscription import RequestSubscription
from services.gateway.steps.request_threshold import RequestThreshold
from services.gateway.steps.second_factor import SecondFactor
from services.gateway.steps.secret_keys import SecretKeys
from services.gateway.steps.set_up import hand_over, offer_break_glass, offer_setup_token
from services.gateway.steps.sight import Sight
from services.gateway.steps.sign_in import SignIn
from shared.audit import Sealer
from shared.clock import utc_now
from shared.database import create_pool
from shared.errors import SettingsError
from shared.events import ScanCompleted, VaultScanned
from shared.service import VERSION, PublicApp, Service
from shared.telemetry import get_logger

logger = get_logger(__name__)

OVERVIEW_FRESH_FOR: Final = timedelta(seconds=15)
HEALTH_FRESH_FOR: Final = timedelta(seconds=2)
ROUTERS: Final = (
    web.router,
    auth.router,
    own_account.router,
    second_factor.router,
    api_token_routes.router,
    users.router,
    audit.router,
    scans.router,
    schedules.router,
    inventory.router,
    applications.router,
    permissions.router,
    vaults.router,
    subscriptions.router,
    thresholds.router,
    approval_routes.router,
    queues.router,
    rotation_plans.router,  # before the rotations, among whose ids its words would be looked for
    rotations.router,
    rotation_credentials.router,
    rotation_policies.router,
    watch.router,
    system.router,
    keys.router,
    not_built.router,
)


async def build(service: Service) -> PublicApp:
    """Join the gateway; it listens on `HTTP_HOST`:`HTTP_PORT`."""
    settings = service.settings
    if not isinstance(settings, Settings):
        raise SettingsError("The gateway was given another service's settings.")
    keyring = await open_keyring(
        service.pool,
        SecretKeys.of(settings.secret_key, settings.secret_key_previous),
        service.clock,
    )
    parts = await join(service, settings, keyring)
    add_handlers(service.bus, pool=service.pool, clock=service.clock)
    _add_tasks(service, settings, keyring, parts)
    service.on_start.append(lambda: setup_token(service, settings))
    app = Envelope(
        make_app(parts),
        tracer=parts.tracer,
        registry=service.registry,
        most_bytes=settings.max_body_bytes,
    )
    return PublicApp(app=app, host=settings.http_host, port=settings.http_port)


async def join(service: Service, settings: Settings, keyring: Keyring) -> Parts:
    """Return the parts that endpoints use."""
    pool, clock = service.pool, service.clock
    tokens = EdDSATokens(lambda: load_signing_keys(pool, keyring.session, clock), clock)
    await tokens.refresh()
    service.add_task("signing keys", lambda: keep_signing_keys(tokens))
    overview = Cached(read=lambda: read_overview(pool), clock=clock, fresh_for=OVERVIEW_FRESH_FOR)
    sight = Sight.over(pool, clock)
    factor = SecondFactor(
        pool=pool,
        codes=TimedCodes(),
        secrets=keyring.data,
        fingerprints=keyring.fingerprint,
        clock=clock,
    )
    approvals = Approvals(pool=pool, clock=clock)
    api_tokens = ApiTokens(pool=pool, fingerprints=keyring.fingerprint, clock=clock)
    sign_in = SignIn(
        pool=pool,
        hasher=Argon2Hasher(),
        guesser=Zxcvbn(),
        tokens=tokens,
        factor=factor,
        names=keyring.fingerprint,
        clock=clock,
    )

    def on_wake(what: str) -> None:
        # An empty word comes after each new connection: something may have been missed.
        if what in {"", ScanCompleted.type, VaultScanned.type}:
            sight.places.invalidate()
        if what in {"", ScanCompleted.type}:
            overview.invalidate()

    return Parts(
        settings=settings,
        pool=pool,
        bus=service.bus,
        clock=clock,
        health=service.health,
        tracer=service.tracer_provider.get_tracer("services.gateway"),
        sign_in=sign_in,
        people=People(pool=pool, sign_in=sign_in, clock=clock),
        second_factor=factor,
        api_tokens=api_tokens,
        own_account=OwnAccount(pool=pool, sign_in=sign_in, clock=clock),
        authenticate=Authenticate(
            pool=pool,
            tokens=tokens,
            api_tokens=api_tokens,
            clock=clock,
            requests_per_minute=settings.requests_per_minute,
            second_factor_required=settings.second_factor_required,
        ),
        request_scan=RequestScan(pool=pool, bus=service.bus, clock=clock),
        request_permission_check=RequestPermissionCheck(pool=pool, bus=service.bus, clock=clock),
        change_schedule=ChangeSchedule(pool=pool, bus=service.bus, clock=clock),
        request_threshold=RequestThreshold(pool=pool, bus=service.bus),
        request_subscription=RequestSubscription(pool=pool, bus=service.bus),
        request_rotation=RequestRotation(
            pool=pool,
            bus=service.bus,
            clock=clock,
            approval_required=settings.needs_approval(Act.ROTATIONS),
        ),
        change_rotation=ChangeRotation(pool=pool, bus=service.bus, clock=clock),
        pause_rotations=PauseRotations(pool=pool, bus=service.bus, clock=clock),
        change_credential=ChangeCredential(
            pool=pool,
            bus=service.bus,
            clock=clock,
            overlap_floor=settings.rotation_overlap_floor_seconds,
        ),
        change_policy=ChangePolicy(
            pool=pool,
            bus=service.bus,
            clock=clock,
            overlap_floor=settings.rotation_overlap_floor_seconds,
        ),
        approvals=approvals,
        dead_letters=DeadLetters(
            pool=pool,
            bus=service.bus,
            clock=clock,
            approvals=approvals,
            needs_approval=settings.needs_approval(Act.PURGE_DEAD_LETTERS),
        ),
        export_audit=ExportAudit(pool=pool),
        overview=overview,
        scope_of=sight.scope_of,
        # Anybody may ask for it, so asking must not cost the database a query each time.
        health_report=Cached(read=service.health.report, clock=clock, fresh_for=HEALTH_FRESH_FOR),
        hub=LiveHub(pool=pool, most=settings.max_streams, on_wake=on_wake),
    )


def make_app(parts: Parts) -> FastAPI:
    """Return the API and the pages."""
    app = Api(
        title="CertifyClouds",
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        redirect_slashes=False,
    )
    app.state.parts = parts
    add_problem_handlers(app)
    for router in ROUTERS:
        app.router.routes.extend(router.routes)
    web.add_files(app)
    describe(app, guarded_routes(), VERSION)
    return app


def guarded_routes() -> list[GuardedRoute]:
    """Return every endpoint of the gateway."""
    found = [route for router in ROUTERS for route in router.routes]
    return [route for route in found if isinstance(route, GuardedRoute)]


async def setup_token(service: Service, settings: Settings) -> None:
    """Offer the one-time token for the first administrator, where its reader looks for it."""
    file = settings.token_file
    if file is None:
        logger.warning(
            "no place for the set-up token: set SETUP_TOKEN_FILE or DATA_DIR to create the first"
            " administrator"
        )
        return
    lifetime = timedelta(hours=settings.setup_token_hours)
    token = await offer_setup_token(service.pool, lifetime=lifetime, clock=service.clock)
    await hand_over(token, file)
    if token:
        logger.info("there is no administrator yet; the set-up token is in a file", file=str(file))


async def offer_code(database_url: str, username: str, lifetime: timedelta) -> str:
    """Return a break-glass code for this user; raises `TransientError` without the database."""
    pool = await create_pool(database_url, service="gateway", max_size=1)
    try:
        return await offer_break_glass(pool, username, lifetime=lifetime, clock=utc_now)
    finally:
        await pool.close()


def _add_tasks(service: Service, settings: Settings, keyring: Keyring, parts: Parts) -> None:
    key = keyring.checkpoint_key()
    if settings.data_dir:
        write_public_key(settings.data_dir, key)
    sealer = Sealer(
        service.pool,
        key=key,
        export=checkpoint_export(settings.data_dir),
        clock=service.clock,
    )
    service.add_task("audit sealer", sealer.run)
    service.add_task("live stream", parts.hub.run)
    kept = timedelta(days=settings.audit_retention_days)
    service.add_task(
        "housekeeping", lambda: keep_tidy(service.pool, service.clock, audit_kept=kept)
    )
