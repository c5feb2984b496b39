"""The parts that a service is joined from, and the service itself."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, Final, TypeAlias

from opentelemetry.sdk.trace import TracerProvider
from prometheus_client import CollectorRegistry

from shared.bus import Bus
from shared.clock import Clock, utc_now
from shared.database import Pool
from shared.features import EvaluationFeatures, Features
from shared.health import Health
from shared.service.tasks import Task
from shared.settings import ServiceSettings

VERSION: Final = version("certifyclouds")

ASGIApp: TypeAlias = Callable[..., Awaitable[Any]]
Hook: TypeAlias = Callable[[], Awaitable[object]]


@dataclass(kw_only=True)
class Service:
    """The parts that a composition root joins."""

    name: str
    settings: ServiceSettings
    pool: Pool
    bus: Bus
    health: Health
    registry: CollectorRegistry
    tracer_provider: TracerProvider
    clock: Clock = utc_now
    features: Features = field(default_factory=EvaluationFeatures)
    tasks: list[Task] = field(default_factory=list)
    resources: AsyncExitStack = field(default_factory=AsyncExitStack)
    on_start: list[Hook] = field(default_factory=list)

    def add_task(self, name: str, run: Hook) -> None:
        """Keep `run` running from start to stop; if it fails it is begun again after a pause."""
        self.tasks.append(Task(name=name, run=run))


@dataclass(frozen=True, kw_only=True)
class PublicApp:
    """An ASGI application for people, beside the internal one, and where it listens."""

    app: ASGIApp
    host: str
    port: int


Build: TypeAlias = Callable[[Service], Awaitable[PublicApp | None]]
