"""Health: what a service says of itself, in three probes and one page of detail.

`live` answers as long as the event loop turns. `ready` says whether the service can do its work
now. `startup` says whether it has got that far once. A service whose peers are missing stays ready:
it does its own work and says who is missing.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

CHECK_SECONDS: Final = 3.0


class Status(StrEnum):
    """How well something works."""

    OK = "ok"
    DEGRADED = "degraded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at; `detail` is a sentence where it is not ok."""

    status: Status
    detail: str = ""


Probe = Callable[[], Awaitable[Check]]


@dataclass(slots=True)
class Health:
    """The checks of one service."""

    service: str
    version: str
    started: bool = False
    stopping: bool = False
    phase: str = "starting"
    probes: dict[str, Probe] = field(default_factory=dict)

    def add(self, name: str, probe: Probe) -> None:
        """Look at one more thing whenever somebody asks."""
        self.probes[name] = probe

    async def look(self) -> dict[str, Check]:
        """Run every check at once, each within its own deadline."""
        checks = await asyncio.gather(*(_guarded(probe) for probe in self.probes.values()))
        return dict(zip(self.probes, checks, strict=True))

    async def report(self) -> dict[str, object]:
        """Return the page of detail: the overall status, the phase and each check."""
        checks = await self.look()
        return {
            "service": self.service,
            "version": self.version,
            "status": self.overall(checks),
            "phase": self.phase,
            "checks": {
                name: {"status": check.status, "detail": check.detail}
                for name, check in checks.items()
            },
        }

    def overall(self, checks: dict[str, Check]) -> Status:
        """Failed when not started, stopping or a check failed; degraded when a check is."""
        found = {check.status for check in checks.values()}
        if not self.started or self.stopping or Status.FAILED in found:
            return Status.FAILED
        return Status.DEGRADED if Status.DEGRADED in found else Status.OK


async def _guarded(probe: Probe) -> Check:
    """Return the probe's answer; an error or a time-out is an answer too."""
    try:
        return await asyncio.wait_for(probe(), CHECK_SECONDS)
    except TimeoutError:
        return Check(Status.FAILED, f"no answer within {CHECK_SECONDS:.0f} s")
    except Exception as error:  # noqa: BLE001 - whatever a check raises is what it found
        return Check(Status.FAILED, type(error).__name__)
