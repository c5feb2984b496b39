"""How the platform is: open health, the services in detail, the licence's state."""

from collections.abc import Iterable
from typing import Any, Final

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import Response

from services.gateway.domain.role import Permission, allows
from services.gateway.middleware.caller import parts_of
from services.gateway.middleware.guard import GuardedRoute, identify, needs
from services.gateway.routes.answers import as_json
from shared.bus import ServiceSeen
from shared.bus.ops import Depth, Operator
from shared.bus.topology import SUBSCRIPTIONS
from shared.errors import TransientError
from shared.events.licensing import LicenseState
from shared.features import Feature
from shared.health import Status

router = APIRouter(route_class=GuardedRoute, tags=["system"])

SILENT_SECONDS: Final = 20.0


class Report(BaseModel):
    """How the gateway is; more of it for who is signed in."""

    status: Status


class Phase(BaseModel):
    """How far the start has come."""

    phase: str


class LicenseReport(BaseModel):
    """What the installation may do."""

    state: LicenseState
    features: list[Feature]


class ServiceHealth(BaseModel):
    """One service, as its last heartbeat tells."""

    service: str
    status: str
    detail: str
    version: str | None
    last_seen_at: str | None
    replicas: int


@router.get("/health", response_model=Report, responses={503: {"model": Report}})
@needs(Permission.OPEN)
async def health(request: Request) -> Response:
    """Return whether the gateway can do its work; the checks too for who is signed in."""
    parts = parts_of(request)
    found = await identify(request)
    report = await parts.health_report.get()
    if found is None or not allows(found[0].role, Permission.READ_SYSTEM):
        report = {"status": report["status"]}
    return as_json(report, 503 if report["status"] == Status.FAILED else 200)


@router.get("/health/live", response_model=Report)
@needs(Permission.OPEN)
async def live(request: Request) -> Response:
    """Answer: the process is alive."""
    del request
    return as_json({"status": Status.OK})


@router.get("/health/ready", response_model=Report, responses={503: {"model": Report}})
@needs(Permission.OPEN)
async def ready(request: Request) -> Response:
    """Return whether requests may be sent here."""
    parts = parts_of(request)
    status = (await parts.health_report.get())["status"]
    if parts.health.stopping:
        status = Status.FAILED
    return as_json({"status": status}, 503 if status == Status.FAILED else 200)


@router.get("/health/startup", response_model=Phase, responses={503: {"model": Phase}})
@needs(Permission.OPEN)
async def startup(request: Request) -> Response:
    """Return whether the start is over."""
    health_ = parts_of(request).health
    return as_json({"phase": health_.phase}, 200 if health_.started else 503)


@router.get("/api/v1/system/health", response_model=dict[str, Any])
@needs(Permission.READ_SYSTEM, narrows=True)
async def system_health(request: Request) -> Response:
    """Return every service, its last sign of life, and how full the queues are.

    `queues` and `dead_letters` are null while the broker does not answer.
    """
    parts = parts_of(request)
    services = summarise_services(await parts.bus.services())
    queues = await _depths(parts.bus.operator)
    dead = None if queues is None else sum(depth.dead for depth in queues)
    silent = [entry for entry in services if entry["status"] != Status.OK]
    well = not silent and dead == 0 and not parts.bus.troubles()
    return as_json(
        {
            "status": Status.OK if well else Status.DEGRADED,
            "services": services,
            "queues": queues,
            "dead_letters": dead,
            "gateway": await parts.health.report(),
        }
    )


@router.get("/api/v1/license/status", response_model=LicenseReport)
@needs(Permission.OPEN)
async def license_status() -> Response:
    """Return what the installation may do: an evaluation includes every feature."""
    return as_json({"state": LicenseState.EVALUATION, "features": sorted(Feature)})


def summarise_services(seen: Iterable[ServiceSeen]) -> list[dict[str, Any]]:
    """Return one entry per service that there should be; a silent one says since when."""
    beats: dict[str, list[ServiceSeen]] = {name: [] for name in sorted(SUBSCRIPTIONS)}
    for beat in seen:
        beats.setdefault(beat.service, []).append(beat)
    return [_service(name, found) for name, found in beats.items()]


def _service(name: str, beats: list[ServiceSeen]) -> dict[str, Any]:
    if not beats:
        never = "never seen; its work waits in its queues"
        return _entry(name, Status.FAILED, never, None, None, 0)
    newest = min(beats, key=lambda beat: beat.age_seconds)
    alive = sum(beat.age_seconds <= SILENT_SECONDS for beat in beats)
    if alive:
        return _entry(name, Status.OK, "", newest.version, newest.seen_at, alive)
    detail = f"last seen {newest.age_seconds:.0f} s ago; its work waits in its queues"
    return _entry(name, Status.FAILED, detail, newest.version, newest.seen_at, 0)


def _entry(
    name: str, status: Status, detail: str, version: str | None, seen: object, replicas: int
) -> dict[str, Any]:
    return {
        "service": name,
        "status": status,
        "detail": detail,
        "version": version,
        "last_seen_at": seen,
        "replicas": replicas,
    }


async def _depths(operator: Operator) -> list[Depth] | None:
    try:
        return await operator.depths()
    except TransientError:
        return None
