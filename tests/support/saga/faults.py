"""Errors of the clouds and of the ledger, at chosen calls."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from inspect import iscoroutinefunction
from typing import Any, Final
from uuid import UUID

from services.rotator.ports import BusyError, Copies, Driver, Ledger, Vault
from shared.clouds.errors import (
    AccessDeniedError,
    Denial,
    ThrottledError,
    UnavailableError,
)
from tests.support.saga.checkpoint import LostError
from tests.support.saga.harness import Scene
from tests.support.saga.memory import Book
from tests.support.saga.world import World


class Fault(StrEnum):
    """What becomes of one call."""

    BEFORE = "unavailable, and not done"
    AFTER = "unavailable, and done"
    THROTTLED = "throttled"
    SLOW_DOWN = "throttled for an hour"
    BUSY = "busy"
    DENIED = "denied"
    UNWRITTEN = "the ledger lost it"
    WRITTEN = "the ledger kept it, and its answer was lost"


CLOUDS: Final = (Fault.BEFORE, Fault.AFTER, Fault.THROTTLED, Fault.SLOW_DOWN, Fault.BUSY)
LEDGERS: Final = (Fault.UNWRITTEN, Fault.WRITTEN)
_DONE: Final = frozenset({Fault.AFTER, Fault.WRITTEN})
CLOUD: Final = frozenset({"look", "make", "recover", "test", "remove"}) | {
    "versions", "current", "read", "publish", "missing",
}  # fmt: skip
_LEDGER: Final = frozenset({"claim", "fence", "record", "until"})


def error(fault: Fault) -> Exception:
    """Return the error that a call answers with."""
    errors: Mapping[Fault, Callable[[], Exception]] = {
        Fault.THROTTLED: lambda: ThrottledError("Slow down."),
        Fault.SLOW_DOWN: lambda: ThrottledError("Slow down.", retry_after=3_600.0),
        Fault.BUSY: lambda: BusyError("Somebody else is writing."),
        Fault.DENIED: lambda: AccessDeniedError("No.", denial=Denial.ROLE, remedy="Grant it."),
        Fault.UNWRITTEN: LostError,
        Fault.WRITTEN: LostError,
    }
    return errors.get(fault, lambda: UnavailableError("No answer."))()


@dataclass
class Faults:
    """Which calls fail, by their number; the clouds' calls and the ledger's are counted apart.

    `since` is the number of the first of the clouds' calls that is denied, as are all later ones
    whose names are in `withdrawn`.
    """

    clouds: Mapping[int, Fault] = field(default_factory=dict)
    ledger: Mapping[int, Fault] = field(default_factory=dict)
    since: int | None = None
    withdrawn: frozenset[str] = CLOUD
    cloud_calls: int = 0
    ledger_calls: int = 0

    def of(self, name: str) -> Fault | None:
        """Count a call and return what becomes of it."""
        if name in _LEDGER:
            self.ledger_calls += 1
            return self.ledger.get(self.ledger_calls)
        if name not in CLOUD:
            return None
        self.cloud_calls += 1
        if self.since is not None and self.cloud_calls >= self.since and name in self.withdrawn:
            return Fault.DENIED
        return self.clouds.get(self.cloud_calls)


class Faulty:
    """A port whose calls may fail."""

    def __init__(self, port: object, faults: Faults) -> None:
        self._port = port
        self._faults = faults

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        return partial(self._call, name, found) if iscoroutinefunction(found) else found

    async def _call(self, name: str, act: Callable[..., Any], *args: Any, **named: Any) -> Any:
        fault = self._faults.of(name)
        if fault is None:
            return await act(*args, **named)
        if fault in _DONE:
            await act(*args, **named)
        raise error(fault)


def faulty(scene: Scene, faults: Faults) -> Scene:
    """Let every port of a scene answer with these faults."""

    make_driver, make_vault = scene.make_driver, scene.make_vault
    make_copies, make_ledger = scene.make_copies, scene.make_ledger

    def driver(world: World) -> Driver:
        return Faulty(make_driver(world), faults)  # type: ignore[return-value]

    def vault(world: World) -> Vault:
        return Faulty(make_vault(world), faults)  # type: ignore[return-value]

    def copies(world: World) -> Copies:
        return Faulty(make_copies(world), faults)

    def ledger(book: Book, owner: UUID) -> Ledger:
        return Faulty(make_ledger(book, owner), faults)

    scene.make_driver, scene.make_vault = driver, vault
    scene.make_copies, scene.make_ledger = copies, ledger
    return scene
