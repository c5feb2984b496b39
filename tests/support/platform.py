"""The whole platform inside a test: real services on a real database and the real sandbox.

`running` serves the chosen services in the test's own event loop, each with its own role and pool,
so that a test can reach into one of them. For real processes see `tests.smoke.platform`.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any
from uuid import UUID, uuid4

import httpx
from opentelemetry.sdk.trace import TracerProvider

from services.cli.platform import CLOUD_IDENTITIES
from services.cli.registry import build_of, settings_of
from services.cli.settings import SERVICES
from shared.bus import Bus
from shared.events import ScanRequested
from shared.ports import free_port
from shared.service import PublicApp, Service, serve
from shared.settings import load_settings
from tests.support.database import Database

SECRET_KEY = token_hex(32)
START_SECONDS = 30


@dataclass(slots=True)
class Running:
    """The services that a test runs."""

    url: str
    folder: Path
    tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    stops: dict[str, asyncio.Event] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    services: dict[str, Service] = field(default_factory=dict)

    @property
    def setup_token(self) -> str:
        return (self.folder / "setup-token").read_text().strip()

    async def stop(self, name: str) -> None:
        """End one service as SIGTERM would."""
        self.stops[name].set()
        await self.tasks[name]

    async def build(self, service: Service) -> PublicApp | None:
        """Build a service, and keep its parts for a test to reach into."""
        self.services[service.name] = service
        return await build_of(service.name)(service)


def variables(sandbox: Mapping[str, Any] | None, service: str) -> dict[str, Any]:
    """Return the settings that point a service at the sandbox, as the identity that it has."""
    if sandbox is None:
        return {}
    identity = CLOUD_IDENTITIES.get(service, "discover")
    return {
        "cloud": "sandbox",
        "sandbox_port": sandbox["port"],
        "sandbox_ca_file": sandbox["ca_file"],
        "azure_tenant_id": sandbox["tenant_id"],
        "azure_client_id": sandbox["identities"][identity]["client_id"],
    }


@asynccontextmanager
async def running(
    database: Database,
    folder: Path,
    *,
    sandbox: Mapping[str, Any] | None = None,
    names: Sequence[str] = SERVICES,
    bus_url: str = "",
    tracers: Mapping[str, TracerProvider] | None = None,
    **more: Any,
) -> AsyncIterator[Running]:
    """Serve the services until the block ends; wait until each has started."""
    port = free_port()
    platform = Running(url=f"http://127.0.0.1:{port}", folder=folder)
    internal = platform.ports = {name: free_port() for name in names}
    for name in names:
        given = {
            "database_url": database.url(name),
            "bus_url": bus_url,
            "secret_key": SECRET_KEY,
            "internal_port": internal[name],
            "data_dir": folder,
            **variables(sandbox, name),
            **more,
        }
        if name == "gateway":
            given |= {"http_port": port, "setup_token_file": folder / "setup-token"}
        settings = load_settings(settings_of(name), **given)
        stop = platform.stops[name] = asyncio.Event()
        provider = (tracers or {}).get(name)
        run = serve(name, settings, platform.build, stop, tracer_provider=provider)
        platform.tasks[name] = asyncio.create_task(run, name=name)
    try:
        await _started(platform, internal)
        yield platform
    finally:
        for stop in platform.stops.values():
            stop.set()
        await asyncio.gather(*platform.tasks.values(), return_exceptions=True)


async def request_scan(database: Database, **event: Any) -> UUID:
    """Ask for a scan as the gateway does."""
    scan_id = uuid4()
    async with database.pool("gateway") as pool:
        bus = Bus("", service="gateway", pool=pool)
        async with pool.transaction() as conn:
            asked = ScanRequested(**{"scan_id": scan_id, "requested_by": "ada", **event})
            await bus.emit(asked, connection=conn)
    return scan_id


async def _started(platform: Running, ports: Mapping[str, int]) -> None:
    async with httpx.AsyncClient(trust_env=False) as http, asyncio.timeout(START_SECONDS):
        for name, port in ports.items():
            while not await _answers(http, port):
                if platform.tasks[name].done():
                    platform.tasks[name].result()
                await asyncio.sleep(0.02)


async def _answers(http: httpx.AsyncClient, port: int) -> bool:
    try:
        return (await http.get(f"http://127.0.0.1:{port}/health/startup")).status_code == 200
    except httpx.HTTPError:
        return False
