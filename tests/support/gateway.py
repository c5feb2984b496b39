"""A whole gateway for tests: real PostgreSQL, the real application, a clock that the test moves."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from opentelemetry.sdk.trace import TracerProvider
from prometheus_client import CollectorRegistry

from services.gateway.app import build
from services.gateway.domain.role import Role
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

SECRET_KEY = "0123456789abcdef-gateway-tests-0123456789"
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


@asynccontextmanager
async def running_gateway(
    database: Database,
    folder: Path,
    *,
    clock: TestClock | None = None,
    tracer_provider: TracerProvider | None = None,
    change: Callable[[Service], None] | None = None,
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
        yield Gateway(service, public, pool, clock, folder / "setup-token")
