"""The processes that `up` starts, watches, starts again when they die, and stops in order."""

import asyncio
import contextlib
import ctypes
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from shared.service.main import EXIT_REFUSED, EXIT_SETTINGS

_PR_SET_PDEATHSIG: Final = 1  # prctl(2)
STOP_SECONDS: Final = 20.0
FIRST_PAUSE_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 30.0

Report = Callable[[str], None]


@dataclass(slots=True, kw_only=True)
class Child:
    """One process: what runs, with which variables, and where its log goes.

    One that `supports` others is stopped after them.
    """

    name: str
    argv: list[str]
    env: dict[str, str]
    log: Path
    supports: bool = False
    process: asyncio.subprocess.Process | None = None
    pause: float = FIRST_PAUSE_SECONDS


@dataclass(slots=True)
class Children:
    """All of them. They die with this process, even if it is killed."""

    report: Report
    running: list[Child] = field(default_factory=list)
    watchers: list[asyncio.Task[None]] = field(default_factory=list)
    refused: asyncio.Event = field(default_factory=asyncio.Event)
    stopping: bool = False

    async def start(self, child: Child) -> None:
        """Start a child and keep it running."""
        await _spawn(child)
        self.running.append(child)
        self.watchers.append(asyncio.create_task(self._watch(child), name=child.name))

    async def _watch(self, child: Child) -> None:
        """Start the child again whenever it dies; one that refuses to run ends the platform."""
        while True:
            loop = asyncio.get_running_loop()
            born = loop.time()
            code = await _exit_code(child)
            if self.stopping:
                return
            if code in (EXIT_SETTINGS, EXIT_REFUSED):
                self.report(f"{child.name} refused to run: {last_line(child.log)}")
                self.refused.set()
                return
            if loop.time() - born > LONGEST_PAUSE_SECONDS:
                child.pause = FIRST_PAUSE_SECONDS
            self.report(f"{child.name} ended ({_how(code)}); starting it again. Log: {child.log}")
            await asyncio.sleep(child.pause)
            child.pause = min(child.pause * 2, LONGEST_PAUSE_SECONDS)
            await _spawn(child)

    async def stop(self) -> None:
        """Ask every child to end, the last started first; kill what does not within its time."""
        self.stopping = True
        for watcher in self.watchers:
            watcher.cancel()
        await asyncio.gather(*self.watchers, return_exceptions=True)
        for supports in (False, True):
            group = [child for child in self.running if child.supports is supports]
            await asyncio.gather(*(_end(child) for child in reversed(group)))

    async def end(self, name: str) -> None:
        """End one child for good."""
        place = [child.name for child in self.running].index(name)
        watcher, child = self.watchers.pop(place), self.running.pop(place)
        watcher.cancel()
        await asyncio.gather(watcher, return_exceptions=True)
        await _end(child)


def last_line(log: Path) -> str:
    """Return the last line of a log that says something, or where the log is."""
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else f"see {log}"


def _how(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


async def _exit_code(child: Child) -> int:
    if child.process is None:
        return 0
    return await child.process.wait()


async def _spawn(child: Child) -> None:
    child.log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with child.log.open("ab") as log:
        child.process = await _execute(child, log)


async def _execute(child: Child, log: IO[bytes]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *child.argv,
        env=child.env,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
        preexec_fn=_die_with_parent if sys.platform == "linux" else None,
    )


def _die_with_parent() -> None:
    """Ask the kernel to end this process when its parent dies, however it dies (prctl(2))."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


async def _end(child: Child) -> None:
    process = child.process
    if process is None or process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
