"""A whole gateway for tests: real PostgreSQL, the real application, a clock that the test moves."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any
from uuid import uuid4

import httpx
from opentelemetry.sdk.trace import TracerProvider
from prometheus_client import CollectorRegistry
from typer.testing import CliRunner, Result

from services.cli.app import commands
from services.gateway.app import build
from services.gateway.domain.role import Role
from services.gateway.domain.scope import Scope
from services.gateway.domain.session import Session
from services.gateway.middleware.envelope import Envelope
from services.gateway.settings import Settings
from services.gateway.steps.parts import Parts
from services.gateway.store import users
from shared.bus import Bus
from shared.clock import utc_now
from shared.database import Pool
from shared.health import Health
from shared.service import PublicApp, Service
from tests.support.database import Database

SECRET_KEY = token_hex(32)
PASSWORD = "a quiet lake in autumn"
ORIGIN = "http://certify.test"
PAGE = {"sec-fetch-site": "same-origin", "content-type": "application/json"}


@dataclass
class TestClock:
    """A clock that stands still until it is moved."""

    __test__ = False
    now: datetime = field(default_factory=utc_now)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **how: float) -> None:
        self.now += timedelta(**how)


@dataclass
class Gateway:
    """One replica, with what a test looks at."""

    service: Service
    public: PublicApp
    pool: Pool
    clock: TestClock
    token_file: Path

    @property
    def parts(self) -> Parts:
        app: Any = self.public.app
        parts: Parts = app.inner.state.parts
        return parts

    @property
    def setup_token(self) -> str:
        return self.token_file.read_text().strip()

    def client(self, address: str = "198.51.100.7", **headers: str) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.public.app, client=(address, 40000)),
            base_url=ORIGIN,
            headers=headers,
        )

    def see(self, scope_of: Callable[[Session], Scope | None]) -> None:
        """From now on a session sees what this says."""

        async def answer(session: Session) -> Scope | None:
            return scope_of(session)

        object.__setattr__(self.parts, "scope_of", answer)

    async def add_user(self, role: Role, name: str | None = None) -> str:
        """Add a user with the usual password and return the name."""
        username = name or f"{role}-{uuid4().hex[:6]}"
        hashed = await self.parts.sign_in.hasher.hash(PASSWORD)
        async with self.pool.transaction() as conn:
            await users.add_user(
                conn, username=username, role=role, password_hash=hashed, at=self.clock()
            )
        return username

    async def token(self, role: Role, address: str = "198.51.100.99") -> str:
        """Return the bearer token of a new user of this role."""
        username = await self.add_user(role)
        async with self.client(address) as http:
            answer = await http.post(
                "/api/v1/auth/login", json={"username": username, "password": PASSWORD}
            )
        assert answer.status_code == 200, answer.text
        token: str = answer.json()["access_token"]
        return token

    async def signed_in(self, role: Role) -> httpx.AsyncClient:
        """Return a client that sends the bearer token of a new user of this role."""
        return self.client(authorization=f"Bearer {await self.token(role)}")

    async def actions(self) -> list[tuple[str, str, str, str]]:
        """Return the audit entries so far: action, actor, subject, outcome."""
        rows = await self.pool.fetch(
            "SELECT action, actor, subject, outcome FROM audit.entry ORDER BY id"
        )
        return [(row["action"], row["actor"], row["subject"], row["outcome"]) for row in rows]


async def run_command(*words: str) -> Result:
    """Run a command of the command line beside the event loop."""
    return await asyncio.to_thread(CliRunner().invoke, commands, list(words))


@asynccontextmanager
async def running_gateway(
    database: Database,
    folder: Path,
    *,
    clock: TestClock | None = None,
    tracer_provider: TracerProvider | None = None,
    change: Callable[[Service], None] | None = None,
    scope_of: Callable[[Session], Scope | None] | None = None,
    **settings: Any,
) -> AsyncIterator[Gateway]:
    """Build a gateway on the test's database; nothing listens and no task runs."""
    clock = clock or TestClock()
    chosen = Settings(
        database_url=database.url("gateway"),
        secret_key=settings.pop("secret_key", SECRET_KEY),
        setup_token_file=folder / "setup-token",
        data_dir=folder,
        **settings,
    )
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(database.pool("gateway"))
        registry = CollectorRegistry()
        provider = tracer_provider or TracerProvider()
        service = Service(
            name="gateway",
            settings=chosen,
            pool=pool,
            bus=Bus("", service="gateway", pool=pool, registry=registry, tracer_provider=provider),
            health=Health(service="gateway", version="test", started=True),
            registry=registry,
            tracer_provider=provider,
            clock=clock,
        )
        if change:
            change(service)
        public = await build(service)
        for hook in service.on_start:
            await hook()
        assert isinstance(public.app, Envelope)
        gateway = Gateway(service, public, pool, clock, folder / "setup-token")
        if scope_of:
            gateway.see(scope_of)
        yield gateway


@dataclass(frozen=True, kw_only=True)
class SeedItem:
    """An item to put into the inventory; days count from the database's present."""

    name: str
    kind: str = "secret"
    vault: int = 1
    expires_in: float | None = 100.0
    enabled: bool = True
    active_in: float | None = None
    tags: dict[str, str] = field(default_factory=dict)
    managed: bool = False
    gone: bool = False


async def seed_estate(database: Database, items: list[SeedItem]) -> None:
    """Write an estate as the scanner would have: two subscriptions, three vaults, these items."""
    async with database.connection() as conn:
        await conn.execute(
            """
            INSERT INTO scanner.subscription (id, name, state)
            VALUES ('sub-a', 'Contoso Prod', 'Enabled'), ('sub-b', 'Contoso Test', 'Enabled');
            INSERT INTO scanner.vault (kind, name, uri, resource_id, subscription_id,
                   resource_group, region, sku, rbac, outcome, outcome_reason, outcome_remedy,
                   last_scanned_at, listed_at)
            VALUES ('vault', 'KV-Pay', 'https://kv-pay.test/', '/v/1', 'sub-a', 'rg', 'westeurope',
                    'standard', true, 'ok', NULL, NULL, now(), now()),
                   ('vault', 'kv-web', 'https://kv-web.test/', '/v/2', 'sub-b', 'rg', 'westeurope',
                    'standard', true, 'ok', NULL, NULL, now(), now()),
                   ('vault', 'kv-dark', 'https://kv-dark.test/', '/v/3', 'sub-b', 'rg', 'uksouth',
                    'standard', true, 'denied', 'The identity may not list.',
                    'Assign Key Vault Reader.', now(), NULL);
            """
        )
        for item in items:
            await conn.execute(
                """
                INSERT INTO scanner.item (vault_id, subscription_id, kind, external_id, name,
                       enabled, not_before, expires_on, warning_at, critical_at, tags, managed,
                       application_object_id, application_id, application_name, deleted_at)
                SELECT $1, (SELECT subscription_id FROM scanner.vault WHERE id = $1), $2, $3, $4,
                       $5, now() + $6 * interval '1 day', e.at, e.at - interval '30 days',
                       e.at - interval '7 days', $8, $9,
                       CASE WHEN $2 LIKE 'app%' THEN 'object' END,
                       CASE WHEN $2 LIKE 'app%' THEN 'client' END,
                       CASE WHEN $2 LIKE 'app%' THEN 'payments-api' END,
                       CASE WHEN $10 THEN now() END
                  FROM (SELECT now() + $7 * interval '1 day' AS at) AS e
                """,
                item.vault,
                item.kind,
                f"{item.kind}s/{item.name}/{item.gone}",
                item.name,
                item.enabled,
                item.active_in,
                item.expires_in,
                item.tags,
                item.managed,
                item.gone,
            )
